"""``python -m flask_tokenauth``: commands that need no application."""

import secrets

import click

from .commands.inspector.command import inspector
from .commands.keys.group import keys_without_application
from .core.opaque.client_secret import make_client_secret, write_hash


@click.group(name="flask_tokenauth")
def main() -> None:
    """Tools of Flask-TokenAuth that need no application."""


@main.command()
def secret() -> None:
    """Print a new secret for SECRET_KEY: 32 random bytes in hexadecimal."""
    click.echo(secrets.token_hex(32))


@main.command()
def client_secret() -> None:
    """Print a new client secret, and its hash for TOKENAUTH_INTROSPECTION_CLIENTS."""
    new = make_client_secret()
    click.echo(
        "Give this secret to the service, which sends it with its client ID. It is not shown again:\n"
        f"{new}\n\n"
        "Put this hash into TOKENAUTH_INTROSPECTION_CLIENTS of the application that the service asks, as "
        '{"CLIENT_ID": "HASH"}:\n'
        f"{write_hash(new)}"
    )


main.add_command(inspector)
main.add_command(keys_without_application)


if __name__ == "__main__":
    main(prog_name="python -m flask_tokenauth")
