"""``flask tokenauth init-db``."""

import click
from flask.cli import with_appcontext

from ..application.app_state import AppState
from ..application.setting_types import PREFIX
from .output import errors_as_messages, open_state


@click.command("init-db")
@click.option("--sql", is_flag=True, help="Print the statements that create the tables, and do not run them.")
@click.option("--acl", is_flag=True, help="Print the commands that give a user of Redis or Valkey the rights it needs.")
@click.option("--user", metavar="NAME", help="With --acl: the name of the user. The default is tokenauth.")
@with_appcontext
def init_db(*, sql: bool, acl: bool, user: str | None) -> None:
    """Create the tables or the first keys of the store, and upgrade tables. The first use does the same."""
    if sql and acl:
        raise click.UsageError("give --sql for an SQL database, or --acl for Redis and Valkey, but not both")
    if user is not None and not acl:
        raise click.UsageError("give --user only with --acl")
    state = open_state()
    if sql:
        _print_definitions(state)
    elif acl:
        _print_rights(state, "tokenauth" if user is None else user)
    else:
        _create(state)


def _create(state: AppState) -> None:
    with errors_as_messages():
        lost = state.stored.inspect_store("find_lost_tables")
        state.store.create()
    click.echo("The store is ready.")
    if lost:
        explained = state.stored.inspect_store("explain_loss", lost)
        click.echo(f"These tables had been dropped, and their rows are lost: {', '.join(lost)}. {explained}.", err=True)


def _print_definitions(state: AppState) -> None:
    with errors_as_messages():
        found = state.stored.inspect_store("definitions")
    if found is None:
        raise click.ClickException(f"{PREFIX}STORE must be an SQL database for --sql: other stores have no tables")
    click.echo("-- The user of the application needs SELECT, INSERT, UPDATE and DELETE on these tables.")
    for definition in found:
        click.echo(f"{definition};")


def _print_rights(state: AppState, user: str) -> None:
    with errors_as_messages():
        found = state.stored.inspect_store("list_rights", user)
    if found is None:
        raise click.ClickException(f"{PREFIX}STORE must be Redis or Valkey for --acl: other stores have no ACL")
    for place, command in found:
        advice = ", with a password of yours after >" if ">" in command else ""
        keep = "Then keep it, by ACL SAVE or CONFIG REWRITE:"
        click.echo(f"Run in redis-cli or valkey-cli on {place}{advice}. {keep}", err=True)
        click.echo(command)
