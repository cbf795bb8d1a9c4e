"""The commands for keys. Each prints sentences for people, and key material only where it is asked for."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from flask import Config
from flask.cli import with_appcontext

from ...application.app_state import current_state
from ...application.ring_check import find_disagreement, find_other_ring
from ...application.setting_types import format_duration, parse_duration
from ...core.errors import InvalidKey, StoreUnavailable
from ...core.keys.algorithms import ALGORITHMS
from ...core.keys.key_ring import KeyRing, RingKey, make_key
from ..output import errors_as_messages
from .context import KeysContext, context_of_application, context_of_environment, format_time
from .fetch import fetch
from .file_rights import find_weak_rights
from .ring_file import StoredKeys

_DEFAULT_ALG = "EdDSA"
_NO_RING = (
    "the keys in {path} must have a status to be rotated, got none: keys generate makes a ring of them, in which the "
    "key that signs now is active"
)
_NO_KEY = "{path} must have a key with the ID {kid}, got other keys: see keys list"


def _read_duration(_: click.Context, __: click.Parameter, value: str) -> timedelta:
    try:
        if value.isdigit() and value != "0":
            raise ValueError
        return parse_duration(value)
    except ValueError:
        raise click.BadParameter("must be a duration with a unit, like 30d or 12h") from None


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        click.echo(f"Warning: {sentence}.", err=True)


@contextmanager
def _locked(context: KeysContext) -> Iterator[float]:
    """Lock the file, and yield the present: other commands may have been waited for."""
    with errors_as_messages(), context.file.locked(on_wait=lambda: click.echo(_WAITING, err=True)):
        yield context.clock()


_WAITING = "Waiting for another command that changes the keys."


@contextmanager
def _changing(context: KeysContext) -> Iterator[tuple[StoredKeys, KeyRing, float]]:
    """Lock the file, and yield what it has, which must be a ring, and the present."""
    with errors_as_messages():
        context.file.check_exists()
    with _locked(context) as now:
        stored = context.file.read()
        ring = stored.read_ring(now=now)
        if ring is None:
            raise InvalidKey(_NO_RING.format(path=context.file.path))
        _warn(find_weak_rights(context.file.target))
        _warn(_find_future(ring))
        yield stored, ring, now


def _find_future(ring: KeyRing) -> Iterator[str]:
    for kid in ring.ahead:
        yield f"status_since of the key {kid} is in the future, and counts as now: check the clock of this machine"


@click.command()
@click.option(
    "--alg", type=click.Choice(list(ALGORITHMS)), help="Default: that of the active key, or EdDSA for a new file."
)
@click.pass_obj
def generate(context: KeysContext, *, alg: str | None) -> None:
    """Make the file, with an active key and the next one, or add a next key."""
    with errors_as_messages():
        if not context.file.exists():
            context.file.check_new()
    with _locked(context) as now:
        if not context.file.exists():
            context.file.write(KeyRing.start(alg or _DEFAULT_ALG, now=now), instead_of=None)
            click.echo(
                f"{context.file.path} has an active key, which signs, and the next one. Only its owner can read it."
            )
            return
        stored = context.file.read()
        _warn(find_weak_rights(context.file.target))
        known = stored.read_ring(now=now)
        ring = known or KeyRing.of_plain_jwks(stored.jwks, since=min(now, stored.written_at))
        key = make_key(alg or ring.active.key.algorithm)
        context.file.write(ring.add_next(key, now=now), instead_of=stored)
    if known is None:
        click.echo("The keys had no status. Now the one that signs is active, and the others are retired.")
    turn = "after keys rotate" if ring.upcoming is None else "when it is its turn: another key is next before it"
    click.echo(f"The key {key.kid} is next. It is published now, and signs {turn}.")


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. It has no private key.")
@click.pass_obj
def list_keys(context: KeysContext, *, as_json: bool) -> None:
    """Show the keys, and what may happen next to each of them, and when."""
    with errors_as_messages():
        ring = context.file.read().read_ring(now=context.clock())
        if ring is None:
            raise InvalidKey(_NO_RING.format(path=context.file.path))
        _warn(find_weak_rights(context.file.target))
        _warn(_find_future(ring))
    if as_json:
        click.echo(json.dumps([_to_json(found, ring, context) for found in ring], indent=2))
        return
    width = max(len(found.key.kid) for found in ring)
    for found in ring:
        times = f"since {format_time(found.since)}; {_describe_next(found, ring, context)}"
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
@click.option(
    "--older-than",
    metavar="DURATION",
    default="30d",
    show_default=True,
    callback=_read_duration,
    help="Leave a younger active key as it is.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Do not wait until all services know the next key. For a young active key, add --older-than 0.",
)
@click.pass_obj
def rotate(context: KeysContext, *, older_than: timedelta, force: bool) -> None:
    """Let the next key sign, retire the active one, and remove retired keys whose tokens have expired.

    Run it once a day: while the active key is younger than 30 days, it only removes such keys.
    """
    with _changing(context) as (stored, ring, now):
        stepped = ring.without_expired(now=now, times=context.times)
        due = ring.active.since + older_than.total_seconds()
        if now >= due:
            _check_published(context, ring, now=now, force=force)
            _check_rings(context, stored, force=force)
            stepped = stepped.promote(make_key(ring.active.key.algorithm), now=now)
        if now >= due or len(stepped) < len(ring) or ring.ahead:
            context.file.write(stepped, instead_of=stored)
    if now >= due:
        click.echo(f"The key {stepped.active.key.kid} signs now.")
    else:
        click.echo(
            f"Nothing to rotate: the active key has signed since {format_time(ring.active.since)}. It is exchanged "
            f"from {format_time(due)} on."
        )
    for found in ring:
        if stepped.find(found.key.kid) is None:
            click.echo(f"The key {found.key.kid} was removed: all its tokens have expired.")


def _check_published(context: KeysContext, ring: KeyRing, *, now: float, force: bool) -> None:
    """Check that all services know the next key."""
    allowed = ring.rotatable_at(context.times)
    if allowed is not None and now < allowed and not force and ring.upcoming is not None:
        raise InvalidKey(
            f"the next key must be published for {format_duration(context.times.publication)} before it signs, so "
            f"that all services know it. It was published at {format_time(ring.upcoming.since)}, and now it is "
            f"{format_time(now)}: wait until {format_time(allowed)}, or use --force"
        )


def _check_rings(context: KeysContext, stored: StoredKeys, *, force: bool) -> None:
    """Check that the processes that use the store have the ring of this file, and no other one."""
    if context.list_rings is None:
        return
    try:
        uses = context.list_rings()
    except StoreUnavailable as error:
        if force:
            return
        raise InvalidKey(
            f"the store must be there, since it knows whether all processes use this file, but {error}: try again "
            "later, or use --force if you know that they do"
        ) from None
    if (disagreement := find_disagreement(uses, context.tolerance)) is not None:
        raise InvalidKey(disagreement)
    written_at, tolerance = stored.written_at, context.tolerance
    if (other := find_other_ring(uses, stored.keys.ring, written_at=written_at, tolerance=tolerance)) is not None:
        raise InvalidKey(other)


@click.command()
@click.argument("kid")
@click.option("--compromised", is_flag=True, help="Remove it at once, since somebody else has it.")
@click.pass_obj
def remove(context: KeysContext, *, kid: str, compromised: bool) -> None:
    """Remove the key with the ID KID, if all its tokens have expired."""
    with _changing(context) as (stored, ring, now):
        found = ring.find(kid)
        if found is None:
            raise InvalidKey(_NO_KEY.format(path=context.file.path, kid=kid))
        if not compromised:
            _check_removable(found, now, context)
        others = _replace_active(ring, now) if found is ring.active else ring
        context.file.write(others.remove(kid), instead_of=stored)
    click.echo(f"The key {kid} was removed.")
    if found.status == "next":
        return
    click.echo(f"Its tokens are refused by all our processes within {format_duration(context.tolerance)}.")
    if compromised:
        click.echo(
            f"Other services may accept its tokens until {format_time(now + context.longest_belief)}, when their "
            "copies of the key set are too old."
        )
    known_at = ring.rotatable_at(context.times)
    if found is ring.active and (known_at is None or now < known_at):
        click.echo(
            "The key that signs now is so young that other services may not know it: they refuse new tokens until they "
            f"fetch the key set again, at the latest at {format_time(now + context.longest_belief)}."
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
    alg = ring.active.key.algorithm
    prepared = ring if ring.upcoming is not None else ring.add_next(make_key(alg), now=now)
    return prepared.promote(make_key(alg), now=now)


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
    with _changing(context) as (stored, ring, now):
        context.file.write(KeyRing.start(ring.active.key.algorithm, now=now), instead_of=stored)
    click.echo(
        f"All keys were replaced. All our processes use the new ones within {format_duration(context.tolerance)}, and "
        "refuse all tokens that were issued before."
    )
    click.echo(
        "Other services refuse new tokens until they fetch the key set again. They may accept tokens of the old keys "
        f"until {format_time(now + context.longest_belief)}."
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
        found = [key for key in context.file.read().keys if kid in (None, key.kid)]
        if not found:
            raise InvalidKey(_NO_KEY.format(path=context.file.path, kid=kid))
        if pem:
            click.echo(found[0].to_pem(private=private), nl=False)
            return
        jwks = [key.to_jwk(private=private) for key in found]
    click.echo(json.dumps({"keys": jwks} if kid is None else jwks[0], indent=2))


_COMMANDS: tuple[click.Command, ...] = (generate, list_keys, rotate, remove, replace, export)


@click.group("keys", commands=(*_COMMANDS, fetch))
@click.pass_context
@with_appcontext
def keys_of_application(ctx: click.Context) -> None:
    """Make, show and rotate the keys in the file that TOKENAUTH_KEYS names; show those of trusted issuers."""
    if ctx.invoked_subcommand == fetch.name:
        return  # it needs no file
    state = current_state()
    with errors_as_messages():
        ctx.obj = context_of_application(state)


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
