"""The commands for keys. Each prints sentences for people, and key material only where it is asked for."""

from datetime import timedelta

import click
from flask import Config
from flask.cli import with_appcontext

from ...application.app_state import current_state
from ...application.ring_check import find_disagreement, find_other_ring
from ...application.setting_types import format_duration, parse_duration
from ...core.errors import InvalidKey, StoreUnavailable
from ...core.keys.key_ring import KeyRing, RingKey, make_key, make_successor
from ..output import errors_as_messages
from .context import KeysContext, context_of_application, context_of_environment, format_time
from .fetch import fetch
from .file_rights import find_weak_rights
from .opening import changing, locked, refuse_unknown, warn
from .ring_file import StoredKeys
from .ring_kinds import ENCRYPTION, SIGNING, curve_of
from .showing import export, list_keys


def _read_duration(_: click.Context, __: click.Parameter, value: str) -> timedelta:
    try:
        if value.isdigit() and value != "0":
            raise ValueError
        return parse_duration(value)
    except ValueError:
        raise click.BadParameter("must be a duration with a unit, like 30d or 12h") from None


@click.command()
@click.option(
    "--alg",
    type=click.Choice([*SIGNING.algorithms, *ENCRYPTION.algorithms]),
    help="Default: that of the active key. For a new file it is EdDSA, or dir with --encryption.",
)
@click.option("--curve", type=click.Choice(["P-256", "X25519"]), help="For ECDH-ES+A256KW. Default: P-256.")
@click.pass_obj
def generate(context: KeysContext, *, alg: str | None, curve: str | None) -> None:
    """Make the file, with an active key and the next one, or add a next key."""
    kind = context.kind
    if alg is not None and alg not in kind.algorithms:
        raise click.UsageError(
            f"--alg must be one of {', '.join(kind.algorithms)} for keys that {kind.sign}, got {alg}"
        )
    with errors_as_messages():
        if not context.file.exists():
            context.file.check_new()
    with locked(context) as now:
        if not context.file.exists():
            context.file.write(KeyRing.start(alg or kind.algorithms[0], now=now, curve=curve), instead_of=None)
            click.echo(
                f"{context.file.path} has an active key, which {kind.signs}, and the next one. Only its owner can read "
                "it."
            )
            return
        stored = context.file.read()
        warn(find_weak_rights(context.file.target))
        known = stored.read_ring(now=now)
        ring = known or KeyRing.of_plain_jwks(stored.jwks, since=min(now, stored.written_at), kind=kind.keys)
        active = ring.active.key
        key = make_key(alg or active.algorithm, curve=curve) if alg or curve else make_successor(active)
        context.file.write(ring.add_next(key, now=now), instead_of=stored)
    if known is None:
        click.echo(f"The keys had no status. Now the one that {kind.signs} is active, and the others are retired.")
    turn = "after keys rotate" if ring.upcoming is None else "when it is its turn: another key is next before it"
    begin = "It is published now" if kind.is_published else "It decrypts now"
    click.echo(f"The key {key.kid} is next. {begin}, and {kind.signs} {turn}.")


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
    help="Do not wait until all who need the next key have it. For a young active key, add --older-than 0.",
)
@click.pass_obj
def rotate(context: KeysContext, *, older_than: timedelta, force: bool) -> None:
    """Make the next key active, retire the active one, and remove retired keys whose tokens have expired.

    Run it once a day: while the active key is younger than 30 days, it only removes such keys.
    """
    with changing(context) as (stored, ring, now):
        stepped = ring.without_expired(now=now, times=context.times)
        due = ring.active.since + older_than.total_seconds()
        if now >= due:
            _check_published(context, ring, now=now, force=force)
            _check_rings(context, stored, force=force)
            stepped = stepped.promote(make_successor(ring.active.key), now=now)
        if now >= due or len(stepped) < len(ring) or ring.ahead:
            context.file.write(stepped, instead_of=stored)
    if now >= due:
        click.echo(f"The key {stepped.active.key.kid} {context.kind.signs} now.")
    else:
        click.echo(
            f"Nothing to rotate: the active key has {context.kind.signed} since {format_time(ring.active.since)}. "
            f"It is exchanged from {format_time(due)} on."
        )
    for found in ring:
        if stepped.find(found.key.kid) is None:
            click.echo(f"The key {found.key.kid} was removed: all its tokens have expired.")


def _check_published(context: KeysContext, ring: KeyRing, *, now: float, force: bool) -> None:
    """Check that all services know the next key."""
    allowed = ring.rotatable_at(context.times)
    if allowed is not None and now < allowed and not force and ring.upcoming is not None:
        length, since = format_duration(context.times.publication), format_time(ring.upcoming.since)
        rule = (
            f"be published for {length} before it signs, so that all services know it. It was published"
            if context.kind.is_published
            else f"be in the file for {length} before it encrypts, so that all processes have read it. It was added"
        )
        raise InvalidKey(
            f"the next key must {rule} at {since}, and now it is {format_time(now)}: wait until "
            f"{format_time(allowed)}, or use --force"
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
    with changing(context) as (stored, ring, now):
        found = ring.find(kid)
        if found is None:
            raise refuse_unknown(context, kid)
        if not compromised:
            _check_removable(found, now, context)
        others = _replace_active(ring, now) if found is ring.active else ring
        context.file.write(others.remove(kid), instead_of=stored)
    click.echo(f"The key {kid} was removed.")
    if found.status == "next":
        return
    click.echo(f"All processes of the application refuse its tokens within {format_duration(context.tolerance)}.")
    if not context.kind.is_published:
        return
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
        raise InvalidKey(
            f"the active key {context.kind.signs} and cannot be removed: rotate first, or use --compromised"
        )
    if now < removable:
        raise InvalidKey(
            f"tokens of this key may live until {format_time(removable)}, and would be refused: wait until then, or "
            "use --compromised"
        )


def _replace_active(ring: KeyRing, now: float) -> KeyRing:
    """Let the next key sign at once, or a new one if there is none."""
    active = ring.active.key
    prepared = ring if ring.upcoming is not None else ring.add_next(make_successor(active), now=now)
    return prepared.promote(make_successor(active), now=now)


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
    with changing(context) as (stored, ring, now):
        active = ring.active.key
        started = KeyRing.start(active.algorithm, now=now, curve=curve_of(active))
        context.file.write(started, instead_of=stored)
    click.echo(
        "All keys were replaced. All processes of the application use the new ones within "
        f"{format_duration(context.tolerance)}, and refuse all tokens that were issued before."
    )
    if not context.kind.is_published:
        return
    click.echo(
        "Other services refuse new tokens until they fetch the key set again. They may accept tokens of the old keys "
        f"until {format_time(now + context.longest_belief)}."
    )


_COMMANDS: tuple[click.Command, ...] = (generate, list_keys, rotate, remove, replace, export)


_of_encryption = click.option(
    "--encryption", is_flag=True, help="Work with the keys that encrypt, in the file of TOKENAUTH_ENCRYPTION_KEYS."
)


@click.group("keys", commands=(*_COMMANDS, fetch))
@_of_encryption
@click.pass_context
@with_appcontext
def keys_of_application(ctx: click.Context, *, encryption: bool) -> None:
    """Make, show and rotate the keys in the file that TOKENAUTH_KEYS names; show those of trusted issuers."""
    if ctx.invoked_subcommand == fetch.name:
        return  # it needs no file
    state = current_state()
    with errors_as_messages():
        ctx.obj = context_of_application(state, ENCRYPTION if encryption else SIGNING)


@click.group("keys", commands=_COMMANDS)
@click.option(
    "--file",
    "path",
    metavar="FILE",
    help="The file of the keys. Default: FLASK_TOKENAUTH_KEYS, or FLASK_TOKENAUTH_ENCRYPTION_KEYS with --encryption.",
)
@_of_encryption
@click.pass_context
def keys_without_application(ctx: click.Context, *, path: str | None, encryption: bool) -> None:
    """Make, show and rotate the keys in a file, without an application.

    Times are those of the environment variables FLASK_TOKENAUTH_MAX_LIFETIME, FLASK_TOKENAUTH_LEEWAY and
    FLASK_TOKENAUTH_KEYS_…, as an application reads them.
    """
    config = Config(".")
    config.from_prefixed_env()
    with errors_as_messages():
        ctx.obj = context_of_environment(path, config, ENCRYPTION if encryption else SIGNING)
