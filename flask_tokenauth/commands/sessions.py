"""``flask tokenauth sessions``, ``revoke``, ``purge`` and ``init-db``."""

import click
from flask.cli import with_appcontext

from ..application.app_state import AppState, current_state
from ..core.errors import SettingsError
from ..core.records.session import Session
from ..lifecycle.revoke import end_session, end_user, revoke_token_id
from ..stores.memory import MemoryStore
from .output import _OTHER_MEMORY, _echo, _told


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
