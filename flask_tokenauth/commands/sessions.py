"""``flask tokenauth sessions``, ``revoke`` and ``purge``."""

from contextlib import suppress

import click
from flask.cli import with_appcontext

from ..application.app_state import AppState
from ..core.errors import StoreUnavailable
from ..core.records.session import Session
from ..lifecycle.list_sessions import iterate_sessions
from ..lifecycle.revoke import end_session, end_user, revoke_token_id
from .output import check_shared_store, echo_untrusted, errors_as_messages, open_state


@click.command()
@click.argument("user")
@with_appcontext
def sessions(*, user: str) -> None:
    """Show the sessions of USER, the newest sign-in first."""
    state = open_state()
    with errors_as_messages():
        check_shared_store(state)
        found = False
        for session in iterate_sessions(state, user):
            found = True
            echo_untrusted(f"{session.session_id}  {_describe(session)}")  # one line: no client can make two of it
    if not found:
        click.echo("There is no session of this user: check the ID if you expected one.", err=True)


def _describe(session: Session) -> str:
    parts = [f"since {session.started_at:%Y-%m-%d %H:%M:%S} UTC"]
    if session.refreshed_at is not None:
        parts.append(f"refreshed {session.refreshed_at:%Y-%m-%d %H:%M:%S}")
    parts += [repr(text) for text in (session.label, session.user_agent) if text]  # clients write these: escaped
    return ", ".join(parts)


@click.command()
@click.option("--user", metavar="USER", help="End every session of USER, and revoke every token issued before.")
@click.option("--session", metavar="ID", help="End this session, and revoke its tokens.")
@click.option("--token", metavar="ID", help="Revoke the token with this jti. `inspect` shows the jti.")
@click.option("--api-keys/--no-api-keys", default=None, help="With --user: whether the API keys of USER end too.")
@with_appcontext
def revoke(*, user: str | None, session: str | None, token: str | None, api_keys: bool | None) -> None:
    """Revoke everything that a user has, one session, or one token."""
    if [user, session, token].count(None) != 2:  # noqa: PLR2004  # of three
        raise click.UsageError("give one of --user, --session and --token")
    if user is None and api_keys is not None:
        raise click.UsageError("give --api-keys or --no-api-keys only with --user: api-keys revoke ends one API key")
    state = open_state()
    with errors_as_messages():
        check_shared_store(state)
        state.stored.check_revokes()
        if user is not None:
            _revoke_user(state, user, api_keys=api_keys)
        elif token is not None:
            revoke_token_id(state, token, until=None)
            click.echo("The token with this ID is refused.")
        elif end_session(state, str(session)):
            click.echo("The session has ended.")
        else:
            raise click.ClickException("there is no such session, or it has ended before")


def _revoke_user(state: AppState, user: str, *, api_keys: bool | None) -> None:
    if api_keys is None and state.settings.api_keys:
        raise click.UsageError("give --api-keys or --no-api-keys: say whether the API keys of the user end too")
    had_none = False
    with suppress(StoreUnavailable):  # a session that cannot be read must end too
        had_none = next(iterate_sessions(state, user), None) is None
    end_user(state, user, api_keys=bool(api_keys))
    click.echo("Every session of this user has ended, and every token issued before is refused.")
    if state.settings.api_keys:
        click.echo("The API keys of this user have ended." if api_keys else "The API keys of this user are still good.")
    if had_none:
        click.echo("There was no session of this user: check the ID if you expected one.", err=True)


@click.command()
@click.option("--force", is_flag=True, help="Purge though the clock seems to be ahead. Check it first.")
@with_appcontext
def purge(*, force: bool) -> None:
    """Delete sessions and revocations that are over. A store that is never purged works too, and grows."""
    state = open_state()
    with errors_as_messages():
        check_shared_store(state)
        click.echo(f"Deleted: {state.store.purge(force=force)}.")
