"""``keys list`` and ``keys export``: the commands that show keys and change nothing."""

import json

import click

from ...core.errors import InvalidKey
from ...core.keys.encryption_key import EncryptionKey
from ...core.keys.key_ring import AnyKey, KeyRing, RingKey
from ..output import errors_as_messages
from .context import KeysContext, format_time
from .opening import refuse_unknown, require_ring


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. It has no private key.")
@click.pass_obj
def list_keys(context: KeysContext, *, as_json: bool) -> None:
    """Show the keys, and what may happen next to each of them, and when."""
    with errors_as_messages():
        ring = require_ring(context, context.file.read(), now=context.clock())
    if as_json:
        click.echo(json.dumps([_to_json(found, ring, context) for found in ring], indent=2))
        return
    width = max(len(found.key.kid) for found in ring)
    for found in ring:
        times = f"since {format_time(found.since)}; {_describe_next(found, ring, context)}"
        click.echo(f"{found.key.kid:{width}}  {found.key.algorithm:7}  {found.status:7}  {times}")


def _describe_next(found: RingKey, ring: KeyRing, context: KeysContext) -> str:
    removable, rotatable, kind = found.removable_at(context.times), ring.rotatable_at(context.times), context.kind
    if removable is None:
        return (
            f"no key is next: add one with keys {kind.option}generate"
            if rotatable is None
            else f"{kind.signs} until keys rotate"
        )
    if found.status == "retired":
        return f"may be removed from {format_time(removable)} on"
    if found is ring.upcoming and rotatable is not None:
        return f"may {kind.sign} from {format_time(rotatable)} on"
    return "waits for its turn"


def _to_json(found: RingKey, ring: KeyRing, context: KeysContext) -> dict[str, object]:
    removable = found.removable_at(context.times)
    rotatable = ring.rotatable_at(context.times) if found is ring.upcoming else None
    return {
        "kid": found.key.kid,
        "alg": found.key.algorithm,
        "status": found.status,
        "status_since": int(found.since),
        "removable_at": None if removable is None else int(removable),
        "rotatable_at": None if rotatable is None else int(rotatable),
    }


@click.command()
@click.argument("kid", required=False)
@click.option("--pem", is_flag=True, help="Print PEM of the key with the ID KID.")
@click.option("--private", is_flag=True, help="Print the private key. Keep it secret.")
@click.pass_obj
def export(context: KeysContext, *, kid: str | None, pem: bool, private: bool) -> None:
    """Print the public keys as a JWK Set, or the key with the ID KID."""
    if pem and kid is None:
        raise click.UsageError("PEM is for one key: give its KID, see keys list")
    with errors_as_messages():
        found = [key for key in context.file.read().keys if kid in (None, key.kid)]
        if not found:
            raise refuse_unknown(context, kid)
        if pem:
            click.echo(_write_pem(found[0], private=private), nl=False)
            return
        jwks = [key.to_jwk(private=private) for key in found]
    click.echo(json.dumps({"keys": jwks} if kid is None else jwks[0], indent=2))


def _write_pem(key: AnyKey, *, private: bool) -> str:
    if isinstance(key, EncryptionKey):
        raise InvalidKey("an encryption key must be exported as a JWK, since PEM has no kid and no alg: omit --pem")
    return key.to_pem(private=private)
