"""Measure the access tokens of a login, of each kind, without making one."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from ..application.app_state import AppState
from ..application.token_cookies import room_for_access_token
from ..core.encoding.prefixes import REFERENCE_PREFIX
from ..core.keys.algorithms import ALGORITHMS
from ..core.keys.encryption_algorithms import MANAGEMENTS
from ..core.keys.new_keys import sizes_of_new_encryption_key, sizes_of_new_key
from ..core.opaque.checksummed_text import LENGTH
from ..core.tokens import jwe, jws
from ..core.tokens.claim_sizes import claim_sizes
from ..core.tokens.issuing import new_id

BEFORE_TOKEN = len("Authorization: Bearer ")  # bytes of the header line
_TYPE = "at+jwt"  # "typ" of an access token, RFC 9068 section 2.1
_USUAL = "HS256"  # inside a JWE, where there is no key that signs


class TokenSize(NamedTuple):
    """The size of a token of one kind."""

    kind: str  # "jwt", "jwe" or "reference"
    algorithm: str | None  # "alg" of its header
    curve: str | None  # of the key of a JWE, where its algorithm has several
    bytes: int
    is_issued: bool  # whether it is the kind that the application issues


class TokenSizes(NamedTuple):
    """The sizes of the token of one login."""

    kinds: tuple[TokenSize, ...]
    claims: Mapping[str, int]  # bytes by name, the largest first
    claims_bytes: int  # all claims, as JSON
    most: int  # bytes of a JWT, or of the claims of a reference token
    room_in_cookie: int | None  # bytes of a JWT in a cookie; None if access tokens are in no cookie

    def find_excess(self, size: TokenSize) -> str | None:
        """Return the limit that a token is over, in words, or None. It is for the claims of a reference token."""
        is_reference = size.kind == "reference"
        if (self.claims_bytes if is_reference else size.bytes) > self.most:
            return f"TOKENAUTH_MAX_TOKEN_BYTES, {self.most}"
        if not is_reference and self.room_in_cookie is not None and size.bytes > self.room_in_cookie:
            return f"the room in a cookie, {self.room_in_cookie}"
        return None


class _Measured:
    """Stands in the place of a new reference token, takes its claims set, and stores nothing."""

    text = ""

    def __init__(self) -> None:
        self.token_id = new_id()
        self.claims: Mapping[str, object] = {}
        self.payload = b""

    def keep(self, claims: Mapping[str, object], payload: bytes) -> None:
        self.claims, self.payload = claims, payload


def measure_login(
    state: AppState, user_id: object, scopes: Iterable[str], claims: Mapping[str, object] | None
) -> TokenSizes:
    """Return the sizes of the access token that ``token_response`` would return now, if it were of each kind.

    Nothing is stored. An algorithm that the application does not sign with is measured with a new key of it.

    Args:
        state: of the current application.
        user_id: the user.
        scopes: the scopes of the token.
        claims: the claims of the application.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: the token would be refused for another reason than its length.
        SettingsError: the application has no key to issue tokens.
        StoreUnavailable: there is a store, and it cannot be asked.
    """
    measured = _Measured()
    has_store = state.settings.store is not None
    subject = state.authenticator.user_ids.to_subject(user_id)
    now = state.clock()
    issuer = state.reference_issuer if _issues_references(state) else state.token_issuer
    issuer.without_limit().issue(
        subject,
        scopes,
        now=now,
        auth_time=datetime.fromtimestamp(now, UTC),
        session_id=new_id() if has_store else None,
        epoch=state.store.read_epoch(subject) if has_store else 0,
        claims=claims,
        reference=measured,
    )
    return TokenSizes(
        kinds=tuple(_measure_kinds(state, measured.payload)),
        claims=claim_sizes(measured.claims),
        claims_bytes=len(measured.payload),
        most=state.settings.max_token_bytes,
        room_in_cookie=room_for_access_token(state.cookies),
    )


def _issues_references(state: AppState) -> bool:
    form = state.settings.token_format
    return form == "reference"


def _measure_kinds(state: AppState, payload: bytes) -> Iterator[TokenSize]:
    signing_key = state.settings.keys.signing_key
    encryption_key = None if state.keys.encryption is None else state.keys.encryption.active
    signs_only = state.keys.encryption is None and not _issues_references(state)
    yield TokenSize("reference", None, None, len(REFERENCE_PREFIX) + LENGTH, _issues_references(state))
    for alg in ALGORITHMS:
        own = signing_key if signing_key is not None and signing_key.algorithm == alg else None
        length = _length_of_jwt(payload, own or sizes_of_new_key(alg))
        yield TokenSize("jwt", alg, None, length, own is not None and signs_only)
    inside = _length_of_jwt(payload, signing_key or sizes_of_new_key(_USUAL))
    for pair in MANAGEMENTS:
        is_own = encryption_key is not None and pair == (encryption_key.algorithm, encryption_key.curve)
        encrypter = encryption_key if encryption_key is not None and is_own else sizes_of_new_encryption_key(*pair)
        length = jwe.length_of(inside, encrypter, typ=_TYPE)
        yield TokenSize("jwe", *pair, length, is_own and not _issues_references(state))


def _length_of_jwt(payload: bytes, signer: jws.SignerFacts) -> int:
    return jws.length_of(jws.write_header(signer, typ=_TYPE), payload, signer)
