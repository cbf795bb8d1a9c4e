"""``flask tokenauth inspector`` and ``python -m flask_tokenauth inspector``."""

import sys

import click

from .page import make_page


@click.command()
def inspector() -> None:
    """Print a page that shows what a token says. It is one file, works offline, and sends nothing.

    Write it into a file, and open that in a browser: inspector > inspector.html
    """
    # Bytes, so that neither the locale nor Windows changes the script: the page has its hash.
    sys.stdout.buffer.write(make_page().encode())
