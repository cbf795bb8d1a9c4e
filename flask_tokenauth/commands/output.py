"""How commands print, and how they report errors."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ..application.app_state import AppState
from ..core.errors import SettingsError, StoreUnavailable
from ..stores.memory import MemoryStore

_OTHER_MEMORY = (
    "TOKENAUTH_STORE is memory://, and this command has a memory of its own: what the workers of the application "
    "remember is out of its reach"
)


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
