"""The commands for keys. Each prints sentences for people, and key material only where it is asked for."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from flask import Config
from flask.cli import with_appcontext

from ...application.app_state import current_state
from ...application.setting_types import format_duration, parse_duration
from ...core.errors import InvalidKey
from ...core.keys.key import Key
from ...core.keys.key_ring import KeyRing, RingKey
from ..output import errors_as_messages
from .context import KeysContext, context_of_application, context_of_environment, format_time
from .file_rights import find_weak_rights
from .ring_file import StoredKeys

_DEFAULT_ALG = "EdDSA"
_NO_RING = (
    "the keys in {path} must have a status to be rotated, got none: keys generate makes a ring of them, in which the "
    "key that signs now is active"
)


def _read_duration(_: click.Context, __: click.Parameter, value: str) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError:
        raise click.BadParameter("must be a duration like 30d, 12h or 900") from None


@contextmanager
def _changing(context: KeysContext) -> Iterator[tuple[StoredKeys, KeyRing]]:
    """Lock the file, and yield what it has, which must be a ring."""
    with errors_as_messages(), context.file.locked():
        stored = context.file.read(now=context.clock())
        if stored.ring is None:
            raise InvalidKey(_NO_RING.format(path=context.file.path))
        for warning in find_weak_rights(context.file.target):
            click.echo(f"Warning: {warning}.", err=True)
        yield stored, stored.ring


@click.command()
@click.option("--alg", help="The algorithm. Default: that of the active key, or EdDSA for a new file.")
@click.pass_obj
def generate(context: KeysContext, *, alg: str | None) -> None:
    """Make the file, with an active key and the next one, or add a next key."""
    now = context.clock()
    with errors_as_messages(), context.file.locked():
        if not context.file.exists():
            context.file.write(KeyRing.start(alg or _DEFAULT_ALG, now=now), instead_of=None)
            click.echo(
                f"{context.file.path} has an active key, which signs, and the next one. Only its owner can read it."
            )
            return
        stored = context.file.read(now=now)
        ring = stored.ring or KeyRing.of_set(stored.keys, since=min(now, stored.written_at))
        key = Key.generate(alg or ring.active.key.algorithm)
        context.file.write(ring.add_next(key, now=now), instead_of=stored)
    if stored.ring is None:
        click.echo("The keys had no status. Now the one that signs is active, and the others are retired.")
    click.echo(f"The key {key.kid} is next. It is published now, and signs after keys rotate.")


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. It has no private key.")
@click.pass_obj
def list_keys(context: KeysContext, *, as_json: bool) -> None:
    """Show the keys, and what may happen next to each of them, and when."""
    with errors_as_messages():
        stored = context.file.read(now=context.clock())
    if stored.ring is None:
        raise click.ClickException(_NO_RING.format(path=context.file.path))
    if as_json:
        click.echo(json.dumps([_to_json(found, stored.ring, context) for found in stored.ring], indent=2))
        return
    width = max(len(found.key.kid) for found in stored.ring)
    for found in stored.ring:
        times = f"since {format_time(found.since)}; {_describe_next(found, stored.ring, context)}"
        click.echo(f"{found.key.kid:{width}}  {found.key.algorithm:7}  {found.status:7}  {times}")


def _describe_next(found: RingKey, ring: KeyRing, context: KeysContext) -> str:
    removable, rotatable = found.removable_at(context.times), ring.rotatable_at(context.times)
    if removable is None:
        return "no key is next: add one with keys generate" if rotatable is None else "signs until keys rotate"
    if found.status == "retired":
        return f"may be removed from {format_time(removable)} on"
    return (
        f"may sign from {format_time(rotatable)} on" if found is ring.upcoming and rotatable else "waits for its turn"
    )


def _to_json(found: RingKey, ring: KeyRing, context: KeysContext) -> dict[str, object]:
    return {
        "kid": found.key.kid,
        "alg": found.key.algorithm,
        "status": found.status,
        "status_since": int(found.since),
        "removable_at": found.removable_at(context.times),
        "rotatable_at": ring.rotatable_at(context.times) if found is ring.upcoming else None,
    }


@click.command()
@click.option(
    "--older-than",
    metavar="DURATION",
    default="30d",
    show_default=True,
    callback=_read_duration,
    help="Do nothing if the active key is younger.",
)
@click.option("--force", is_flag=True, help="Do not wait until all services know the next key.")
@click.pass_obj
def rotate(context: KeysContext, *, older_than: timedelta, force: bool) -> None:
    """Let the next key sign, retire the active one, and remove retired keys of which no token can live.

    Run it once a day: it does nothing while the active key is younger than 30 days.
    """
    now = context.clock()
    with _changing(context) as (stored, ring):
        if now < ring.active.since + older_than.total_seconds():
            click.echo(f"Nothing to do: the active key signs since {format_time(ring.active.since)}.")
            return
        allowed = ring.rotatable_at(context.times)
        if allowed is not None and now < allowed and not force and ring.upcoming is not None:
            raise InvalidKey(
                f"the next key must be published for {format_duration(context.times.publication)} before it signs, so "
                f"that all services know it. It was published at {format_time(ring.upcoming.since)}, and now it is "
                f"{format_time(now)}: wait until {format_time(allowed)}, or use --force"
            )
        new = Key.generate(ring.active.key.algorithm)
        stepped = ring.promote(new, now=now).without_expired(now=now, times=context.times)
        context.file.write(stepped, instead_of=stored)
    click.echo(f"The key {stepped.active.key.kid} signs now.")
    for found in ring:
        if stepped.find(found.key.kid) is None:
            click.echo(f"The key {found.key.kid} was removed: none of its tokens can live.")


@click.command()
@click.argument("kid")
@click.option("--compromised", is_flag=True, help="Remove it at once, since somebody else has it.")
@click.pass_obj
def remove(context: KeysContext, *, kid: str, compromised: bool) -> None:
    """Remove the key with the ID KID, if none of its tokens can live any more."""
    now = context.clock()
    with _changing(context) as (stored, ring):
        found = ring.find(kid)
        if found is None:
            raise InvalidKey(f"{context.file.path} must have a key with this kid, got another: see keys list")
        if not compromised:
            _check_removable(found, now, context)
        others = _replace_active(ring, now) if found is ring.active else ring
        context.file.write(others.remove(kid), instead_of=stored)
    click.echo(f"The key {kid} was removed. Its tokens are refused here within {format_duration(context.interval)}.")
    if compromised:
        click.echo(
            f"Other services may believe its tokens until {format_time(now + context.max_age.total_seconds())}, when "
            "their copies of the key set are too old."
        )


def _check_removable(found: RingKey, now: float, context: KeysContext) -> None:
    removable = found.removable_at(context.times)
    if removable is None:
        raise InvalidKey("the active key signs and cannot be removed: rotate first, or use --compromised")
    if now < removable:
        raise InvalidKey(
            f"tokens of this key may live until {format_time(removable)}, and would be refused: wait until then, or "
            "use --compromised"
        )


def _replace_active(ring: KeyRing, now: float) -> KeyRing:
    """Let the next key sign at once, or a new one if there is none."""
    new = Key.generate(ring.active.key.algorithm)
    prepared = ring if ring.upcoming is not None else ring.add_next(Key.generate(new.algorithm), now=now)
    return prepared.promote(new, now=now)


@click.command()
@click.option("--compromised", is_flag=True, help="Needed: all tokens are refused after that.")
@click.pass_obj
def replace(context: KeysContext, *, compromised: bool) -> None:
    """Replace all keys by new ones, since somebody else has the file."""
    if not compromised:
        raise click.UsageError(
            "all tokens are refused after that, so give --compromised if somebody else has the file; otherwise use "
            "keys rotate"
        )
    now = context.clock()
    with _changing(context) as (stored, ring):
        context.file.write(KeyRing.start(ring.active.key.algorithm, now=now), instead_of=stored)
    click.echo(
        f"All keys were replaced. Our processes use the new ones within {format_duration(context.interval)}, and "
        "refuse all tokens that were issued before."
    )
    click.echo(
        "Other services refuse new tokens until they fetch the key set again. They may believe tokens of the old keys "
        f"until {format_time(now + context.max_age.total_seconds())}."
    )


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
        keys = context.file.read(now=context.clock()).keys
        found = [key for key in keys if kid in (None, key.kid)]
        if not found:
            raise InvalidKey(f"{context.file.path} must have a key with this kid, got another: see keys list")
        if pem:
            click.echo(found[0].to_pem(private=private), nl=False)
            return
        jwks = [key.to_jwk(private=private) for key in found]
    click.echo(json.dumps({"keys": jwks} if kid is None else jwks[0], indent=2))


_COMMANDS: tuple[click.Command, ...] = (generate, list_keys, rotate, remove, replace, export)


@click.group("keys", commands=_COMMANDS)
@click.pass_context
@with_appcontext
def keys_of_application(ctx: click.Context) -> None:
    """Make, show and rotate the keys in the file that TOKENAUTH_KEYS names."""
    state = current_state()
    with errors_as_messages():
        ctx.obj = context_of_application(state.settings, state.authenticator.clock)


@click.group("keys", commands=_COMMANDS)
@click.option("--file", "path", metavar="FILE", help="The file of the keys. Default: FLASK_TOKENAUTH_KEYS.")
@click.pass_context
def keys_without_application(ctx: click.Context, *, path: str | None) -> None:
    """Make, show and rotate the keys in a file, without an application.

    Times are those of the environment variables FLASK_TOKENAUTH_MAX_LIFETIME, FLASK_TOKENAUTH_LEEWAY and
    FLASK_TOKENAUTH_KEYS_…, as an application reads them.
    """
    config = Config(".")
    config.from_prefixed_env()
    with errors_as_messages():
        ctx.obj = context_of_environment(path, config)
