"""How commands print, and how they report errors."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ..application.app_state import AppState, current_state
from ..application.setting_types import PREFIX
from ..core.errors import PurgeRefused, SettingsError, StoreUnavailable
from ..stores.memory import MemoryStore

_OTHER_MEMORY = (
    f"{PREFIX}STORE is memory://, and this command has a memory of its own: it does not see the sessions and "
    "revocations of the workers"
)


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Report errors that people can do something about, without a traceback."""
    try:
        yield
    except (SettingsError, StoreUnavailable, PurgeRefused, TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from error


def open_state() -> AppState:
    """Return the state of the application, for a command that may use its store, which is closed at its end.

    SQLite removes its further files when the last connection is closed. Those that stay may be closed to the workers. A
    command that runs as another user than the owner of the database is warned.
    """
    state = current_state()
    if warning := state.stored.inspect_store("find_foreign_owner"):
        click.echo(f"Warning: {warning}.", err=True)
    state.stored.ask_store("ignore_risks")  # the doctor shows them
    if state.stored.opened is not None:
        click.get_current_context().call_on_close(state.stored.opened.close)
    return state


def check_shared_store(state: AppState) -> None:
    """Check that this command sees the store of the workers.

    Raises:
        SettingsError: the store is ``memory://``.
    """
    if isinstance(state.stored.opened, MemoryStore):
        raise SettingsError(f"{_OTHER_MEMORY}: set {PREFIX}STORE to a database")


def warn_of_other_memory(state: AppState) -> None:
    """Warn that the workers may have revoked a token that is good as far as this command knows."""
    if state.stored.revokes and isinstance(state.stored.opened, MemoryStore):
        click.echo(f"{_OTHER_MEMORY}, and a worker may have revoked this token.", err=True)


def echo_untrusted(line: str) -> None:
    """Print a line with strings that clients have written, on any terminal."""
    encoding = sys.stdout.encoding
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding))
