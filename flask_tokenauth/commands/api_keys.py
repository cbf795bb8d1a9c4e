"""``flask tokenauth api-keys``: list the API keys of a user, make one, end one."""

import json
from collections.abc import Iterable
from datetime import datetime

import click
from flask.cli import with_appcontext

from ..application.app_state import AppState
from ..core.records.api_key import ApiKey
from ..lifecycle.api_keys import check_configured, create_api_key, end_api_key, list_api_keys
from .options import read_lifetime
from .output import check_shared_store, echo_untrusted, errors_as_messages, open_state


@click.group("api-keys", help="List, make and end API keys.")
def api_keys() -> None:
    """Gather the commands."""


@api_keys.command("list")
@click.argument("user")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead.")
@with_appcontext
def list_keys(*, user: str, as_json: bool) -> None:
    """Show the API keys of USER, the newest first. The keys themselves are stored nowhere."""
    with errors_as_messages():
        found = list_api_keys(_open(), user)
    if as_json:
        # ASCII, so that no escape sequence in a name reaches the terminal. JSON lets one control character pass.
        click.echo(json.dumps({"api_keys": list(map(describe_api_key, found))}, indent=2).replace("\x7f", "\\u007f"))
        return
    for key in found:
        echo_untrusted(f"{key.id}  {', '.join(_describe(key))}")  # one line: no client can make two of it
    if not found:
        click.echo("There is no API key of this user: check the ID if you expected one.", err=True)


@api_keys.command("create")
@click.argument("user")
@click.option("--name", required=True, help="A name for people.")
@click.option("--scope", "scopes", multiple=True, help="A scope of the key; can be repeated.")
@click.option("--expires-in", metavar="DURATION", help="Its lifetime: 90d or P90D.  [default: it does not expire]")
@with_appcontext
def create(*, user: str, name: str, scopes: tuple[str, ...], expires_in: str | None) -> None:
    """Make an API key of USER, and print it and nothing else. It cannot be printed again."""
    with errors_as_messages():
        state = _open()
        key = create_api_key(state, user, scopes, name=name, expires_in=read_lifetime(expires_in))
    until = "it is revoked" if key.expires_at is None else f"{_write_time(key.expires_at)} UTC"
    click.echo(
        f"This API key is real, and is shown only now: until {until}, everyone who has it can act as that user. Its ID "
        f"is {key.id}.",
        err=True,
    )
    click.echo(key.text)


@api_keys.command("revoke")
@click.argument("key_id", metavar="ID")
@with_appcontext
def revoke_key(*, key_id: str) -> None:
    """End the API key with this ID. `api-keys list` shows the IDs."""
    with errors_as_messages():
        if not end_api_key(_open(), key_id):
            raise click.ClickException("there is no such API key, or it has ended before: see api-keys list")
    click.echo("The API key has ended.")


def _open() -> AppState:
    """Return the state of an application with API keys in a store that workers share.

    Raises:
        SettingsError: it has no API keys, or its store is ``memory://``.
    """
    state = open_state()
    check_configured(state)
    check_shared_store(state)
    return state


def _describe(key: ApiKey) -> Iterable[str]:
    yield repr(key.name)  # its user writes it: escaped
    yield key.hint
    yield f"scopes {' '.join(key.scopes)}" if key.scopes else "no scopes"
    yield f"created {_write_time(key.created_at)} UTC"
    yield "never used" if key.last_used_at is None else f"last used {_write_time(key.last_used_at)}"
    if key.expires_at is not None:
        yield f"expires {_write_time(key.expires_at)}"


def describe_api_key(key: ApiKey) -> dict[str, object]:
    """Return the facts of an API key, for JSON."""
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "scopes": list(key.scopes),
        "created_at": key.created_at.isoformat(timespec="seconds"),
        "last_used_at": None if key.last_used_at is None else key.last_used_at.isoformat(timespec="seconds"),
        "expires_at": None if key.expires_at is None else key.expires_at.isoformat(timespec="seconds"),
    }


def _write_time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}"
