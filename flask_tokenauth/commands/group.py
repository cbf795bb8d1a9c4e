"""``flask tokenauth …``, on the command line of each application that is set up."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
from click.formatting import HelpFormatter
from flask.cli import with_appcontext

from ..application.app_state import AppState, current_state
from ..core.encoding.immutable_json import thaw
from ..core.errors import Refusal, SettingsError, StoreUnavailable
from ..core.records.session import Session
from ..core.tokens.unverified import MAX_UNVERIFIED, parse_unverified
from ..guards.route_requirements import Route
from ..lifecycle.revoke import end_session, end_user, revoke_token_id
from ..lifecycle.sign_in import create_token
from ..stores.memory import MemoryStore
from .doctor import Severity, examine, list_unreached

_TELLS = {"optional": "optional login", "public": "public", "static": "static files", "open": "OPEN"}
_WIDTH = 200  # columns; lines are for grep as much as for people
_OTHER_MEMORY = (
    "TOKENAUTH_STORE is memory://, and this command has a memory of its own: what the workers of the application "
    "remember is out of its reach"
)
_EXIT_CODES: dict[Severity, int] = {"error": 2, "warning": 1, "hint": 0, "info": 0}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead.")
@click.option("--check", is_flag=True, help="Exit with 1 if a route is open or a guard reaches no route.")
@with_appcontext
def routes(*, as_json: bool, check: bool) -> None:
    """Show every route with what it needs, and guards that reach no route."""
    state = current_state()
    state.check()
    found = state.list_routes()
    unreached = list_unreached()
    click.echo(_write_json(found, unreached) if as_json else _write_text(found, unreached), nl=False)
    if check and (unreached or any(route.resolved.access == "open" for route in found)):
        raise SystemExit(1)


def _write_text(found: list[Route], unreached: list[str]) -> str:
    formatter = HelpFormatter(width=_WIDTH)
    if found:
        formatter.write_dl(
            [(f"{route.method} {route.rule.rule}", _tell(route)) for route in found], col_max=_WIDTH // 2
        )
    for name in unreached:
        formatter.write_text(f"REACHES NO ROUTE: the guard of {name}")
    return formatter.getvalue()


def _tell(route: Route) -> str:
    needs = "; ".join(str(requirement) for requirement in route.resolved.requirements)
    if route.resolved.access == "default":
        return f"{needs} (by default)"
    return needs or _TELLS[route.resolved.access]


def _write_json(found: list[Route], unreached: list[str]) -> str:
    described: list[dict[str, Any]] = [
        {
            "rule": route.rule.rule,
            "method": route.method,
            "endpoint": route.rule.endpoint,
            "requires": [str(requirement) for requirement in route.resolved.requirements],
            "access": route.resolved.access,
            "open": route.resolved.access == "open",
            "public": route.resolved.access == "public",
        }
        for route in found
    ]
    return json.dumps({"routes": described, "unreached": unreached}, indent=2) + "\n"


# Unknown options and further words are part of what is inspected: an error message would show them to the terminal.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", metavar="[TOKEN]", nargs=-1, type=click.UNPROCESSED)
@with_appcontext
def inspect(*, words: tuple[str, ...]) -> None:
    """Show what TOKEN says and whether this application would believe it now; exit with 1 if not.

    Without TOKEN it is read from standard input, or asked for; the shell keeps a history of arguments.
    """
    state = current_state()
    text = " ".join(words).strip() or _ask_for_token()
    now = state.clock()
    refusal = _judge(state, text)
    said = parse_unverified(text)
    shown: dict[str, Any] = {
        "header": thaw(said.header),
        "claims": thaw(said.claims),
        "times": {name: at.isoformat() for name, at in said.times.items()},
        "now": datetime.fromtimestamp(int(now), UTC).isoformat(),
        "believed": refusal is None,
    }
    if refusal is not None:
        shown |= {"reason": refusal.reason, "message": str(refusal) or refusal.hint}
    # ASCII, so that no escape sequence of a token reaches the terminal; JSON would let the one control character pass.
    click.echo(json.dumps(shown, indent=2, ensure_ascii=True).replace("\x7f", "\\u007f"))
    raise SystemExit(refusal is not None)


def _ask_for_token() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Token", hide_input=True, err=True)).strip()
    return sys.stdin.buffer.read(MAX_UNVERIFIED + 1).decode(errors="replace").strip()


def _judge(state: AppState, text: str) -> Refusal | None:
    """Judge *text* as if it came in a request, so that the reason is the one in the log."""
    try:
        token = state.judge.find_token(f"Bearer {text}")
        state.judge.accept(token)  # type: ignore[arg-type]  # not None, with this scheme
    except Refusal as refusal:
        return refusal
    except StoreUnavailable as error:
        raise click.ClickException(f"the store cannot be asked: {error}") from error
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    _tell_of_memory(state)
    return None


@click.command()
@click.argument("user")
@click.option("--scope", "scopes", multiple=True, help="What it may do; may be repeated.")
@click.option("--expires-in", type=int, metavar="SECONDS", help="Its lifetime.  [default: TOKENAUTH_ACCESS_LIFETIME]")
@click.option("--audience", multiple=True, help="For whom; may be repeated.  [default: TOKENAUTH_AUDIENCE]")
@with_appcontext
def token(*, user: str, scopes: tuple[str, ...], expires_in: int | None, audience: tuple[str, ...]) -> None:
    """Print a token of USER, and nothing else, for trying things. It is real."""
    with _told():
        made = create_token(user, scopes, expires_in=expires_in, audience=audience or None)
    _tell_of_memory(current_state())
    click.echo("This token is real: until it expires, whoever has it is that user.", err=True)
    click.echo(made)


@click.command()
@with_appcontext
def doctor() -> None:
    """Tell what is wrong or risky as it would run; exit with 2 for errors, 1 for warnings."""
    found = examine(current_state())
    for finding in found:
        click.echo(f"{finding.severity}: {finding.sentence}")
    if not found:
        click.echo("Nothing found.")
    raise SystemExit(max((_EXIT_CODES[finding.severity] for finding in found), default=0))


@click.command("init-db")
@with_appcontext
def init_db() -> None:
    """Make what the store needs, tables for one, and leave alone what is there. The first use does the same."""
    with _told():
        current_state().store.create()
    click.echo("The store is ready.")


@click.command()
@click.argument("user")
@with_appcontext
def sessions(*, user: str) -> None:
    """Show where USER is logged in, the newest sign-in first."""
    state = current_state()
    with _told():
        _check_shared(state)
        found = state.store.list_sessions(state.judge.subject_of(user))
    for session in found:  # one line each, which no client can make two
        _echo(f"{session.session_id}  {_describe(session)}")


def _describe(session: Session) -> str:
    told = [f"since {session.started_at:%Y-%m-%d %H:%M:%S} UTC"]
    if session.refreshed_at is not None:
        told.append(f"refreshed {session.refreshed_at:%Y-%m-%d %H:%M:%S}")
    told += [repr(text) for text in (session.label, session.user_agent) if text]  # what clients write, escapes and all
    return ", ".join(told)


@click.command()
@click.option("--user", metavar="USER", help="End every session of USER, and refuse every token issued before.")
@click.option("--session", metavar="ID", help="End this session, and refuse its tokens.")
@click.option("--token", metavar="ID", help="Refuse this token: its jti, which `inspect` shows.")
@with_appcontext
def revoke(*, user: str | None, session: str | None, token: str | None) -> None:
    """End what was granted before its time; say whose, or which."""
    if [user, session, token].count(None) != 2:  # noqa: PLR2004  # of three
        raise click.UsageError("one of --user, --session and --token")
    state = current_state()
    with _told():
        _check_shared(state)
        state.remembered.check_revokes()
        if user is not None:
            end_user(state, user)
            click.echo("Every session of this user has ended, and every token issued before is refused.")
        elif token is not None:
            revoke_token_id(state, token, until=None)
            click.echo("A token of this ID is refused.")
        elif end_session(state, str(session)):
            click.echo("Ended.")
        else:
            raise click.ClickException("there is no such session, or no more")


@click.command()
@with_appcontext
def purge() -> None:
    """Forget sessions and revocations that are over; a store that is never purged works as well, and grows."""
    state = current_state()
    with _told():
        _check_shared(state)
        click.echo(f"Forgotten: {state.store.purge()}.")


def _check_shared(state: AppState) -> None:
    """Refuse to speak of what no worker knows."""
    if isinstance(state.settings.store, MemoryStore):
        raise SettingsError(f"{_OTHER_MEMORY}; name a database")


def _tell_of_memory(state: AppState) -> None:
    """Tell whoever hears that a token is good, or gets one, that workers may know better."""
    if state.remembered.revokes and isinstance(state.settings.store, MemoryStore):
        click.echo(f"{_OTHER_MEMORY}, and they may have revoked this.", err=True)


def _echo(line: str) -> None:
    """Print what clients have written, on whatever terminal."""
    encoding = sys.stdout.encoding
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding))


@contextmanager
def _told() -> Iterator[None]:
    """Tell people what they can do something about, without a traceback."""
    try:
        yield
    except (SettingsError, StoreUnavailable, TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from error


COMMANDS = (doctor, init_db, inspect, purge, revoke, routes, sessions, token)
