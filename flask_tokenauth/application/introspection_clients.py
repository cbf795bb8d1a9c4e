"""The setting ``TOKENAUTH_INTROSPECTION_CLIENTS``: client IDs, the hashes of their secrets, and their audiences.

An error names a client by its position. A secret may stand in the place of any part, also of the ID.
"""

from collections.abc import Iterator, Mapping

from ..authentication.clients import MAX_HASHES, Client, is_client_id
from ..core.encoding.limits import MAX_IDENTIFIER
from ..core.encoding.prefixes import CLIENT_SECRET_PREFIX
from ..core.errors import SettingsError
from ..core.opaque.client_secret import HASH_FORM, HASH_PREFIX, read_hash
from .setting_types import STRINGS, read_strings

_MAKE_ONE = "make a secret and its hash with: python -m flask_tokenauth client-secret"
_FORM = f"a hash ({HASH_FORM}) or a list of 1 to {MAX_HASHES} hashes"
_MEMBERS = ("secret_hash", "audience")


def read_clients(value: object) -> tuple[Client, ...]:
    """Read ``{"billing": "sha256:…"}``, or ``{"secret_hash": …, "audience": …}`` for a client.

    Raises:
        TypeError: *value* is no dict.
        SettingsError: a client is wrong. The message has its position, and shows no part.
    """
    if not isinstance(value, Mapping):
        raise TypeError
    clients = tuple(_read_client(f"client {number}", *entry) for number, entry in enumerate(value.items(), 1))
    _check_hashes_differ(clients)
    return clients


def _read_client(name: str, client_id: object, given: object) -> Client:
    """Return one client.

    Args:
        name: words for the client in errors.
        client_id: its ID, as it is given.
        given: its hash, hashes or dict, as they are given.

    Raises:
        SettingsError: a part is malformed. The message shows no part.
    """
    if isinstance(client_id, str) and client_id.startswith((CLIENT_SECRET_PREFIX, HASH_PREFIX)):
        got = "a hash" if client_id.startswith(HASH_PREFIX) else "a secret"
        raise SettingsError(f"the ID of {name} must be a name, got {got}: write the ID first, and then the hash")
    if not is_client_id(client_id):
        raise SettingsError(
            f"the ID of {name} must be 1 to {MAX_IDENTIFIER} printable ASCII characters without space, "
            f'":", "%" and "+", got {_describe(client_id)}: choose another ID'
        )
    if not isinstance(given, Mapping):
        return Client(client_id, tuple(_read_hashes(name, given)))
    if unknown := [member for member in given if member not in _MEMBERS]:
        raise SettingsError(
            f"{name} must be a hash, or a dict with secret_hash and audience, got a dict with {len(unknown)} other "
            f"{'name' if len(unknown) == 1 else 'names'}: leave the others out"
        )
    hashes = tuple(_read_hashes(f"secret_hash of {name}", given.get("secret_hash")))
    return Client(client_id, hashes, _read_audience(name, given.get("audience")))


def _read_audience(name: str, value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    try:
        return read_strings(value)
    except ValueError:
        raise SettingsError(
            f"audience of {name} must be {STRINGS.form}, got {_describe(value)}: correct it, or leave it out for "
            "the audience of this application"
        ) from None


def _read_hashes(name: str, value: object) -> Iterator[bytes]:
    given = value if isinstance(value, (list, tuple)) else [value]
    if not 1 <= len(given) <= MAX_HASHES:
        raise SettingsError(f"{name} must be {_FORM}, got {len(given)}: keep the hashes of the secrets in use")
    for text in given:
        if isinstance(text, str) and text.startswith(CLIENT_SECRET_PREFIX):
            raise SettingsError(
                f"{name} must be {_FORM}, got a secret: only the service may keep a secret, so {_MAKE_ONE}, and put "
                "the hash here"
            )
        try:
            digest = read_hash(text)
        except ValueError:
            raise SettingsError(f"{name} must be {_FORM}, got {_describe(text)}: {_MAKE_ONE}") from None
        yield digest


def _describe(value: object) -> str:
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    if isinstance(value, (list, tuple)):
        return "a list of something else" if value else "an empty list"
    return "none" if value is None else type(value).__name__


def _check_hashes_differ(clients: tuple[Client, ...]) -> None:
    """Check that no two clients share a secret: the one could take the audience of the other."""
    owners: dict[bytes, int] = {}
    for number, client in enumerate(clients, 1):
        for digest in client.hashes:
            owner = owners.setdefault(digest, number)
            if owner != number:
                raise SettingsError(
                    f"each client must have a secret of its own, got the same hash for client {owner} and client "
                    f"{number}: {_MAKE_ONE}"
                )
