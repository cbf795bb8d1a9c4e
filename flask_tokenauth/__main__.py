"""``python -m flask_tokenauth``: commands that need no application."""

import secrets

import click


@click.group(name="flask_tokenauth")
def main() -> None:
    """Tools of Flask-TokenAuth that need no application."""


@main.command()
def secret() -> None:
    """Print a new secret for SECRET_KEY: 32 random bytes in hexadecimal."""
    click.echo(secrets.token_hex(32))


if __name__ == "__main__":
    main(prog_name="python -m flask_tokenauth")
