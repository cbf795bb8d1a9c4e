"""``flask tokenauth inspect`` and ``flask tokenauth token``."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import with_appcontext

from ..application.app_state import AppState
from ..application.setting_types import TokenFormat
from ..core.encoding.immutable_json import thaw
from ..core.encoding.prefixes import REFERENCE_PREFIX
from ..core.errors import KeySetUnavailable, Refusal, SettingsError, StoreUnavailable
from ..core.lookup_errors import TokenDamaged
from ..core.opaque.looked_up_tokens import ApiKeyToken
from ..core.opaque.lookups import Lookups
from ..core.token_errors import TokenError
from ..core.tokens.jwe import is_encrypted
from ..core.tokens.unverified import MAX_UNVERIFIED, UnverifiedToken, parse_unverified
from ..lifecycle.access_tokens import create_token
from .api_keys import describe_api_key
from .options import read_lifetime
from .output import check_shared_store, errors_as_messages, open_state, warn_of_other_memory


# Unknown options and further words belong to the token: an error message would print them on the terminal.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", metavar="[TOKEN]", nargs=-1, type=click.UNPROCESSED)
@with_appcontext
def inspect(*, words: tuple[str, ...]) -> None:
    """Show the content of TOKEN, and whether this application would accept it now; exit with 1 if not.

    Without TOKEN it is read from standard input, or you are asked for it. The shell keeps a history of arguments.
    """
    state = open_state()
    text = " ".join(words).strip() or _read_token()
    now = state.clock()
    lookups = state.authenticator.find_lookups(text)
    if lookups is not None:
        with errors_as_messages():
            check_shared_store(state)
    refusal, accepted = _judge(state, text)
    shown: dict[str, Any] = {
        **(_show_jwt(state, text) if lookups is None else _show_record(lookups, text)),
        "now": datetime.fromtimestamp(int(now), UTC).isoformat(),
        "accepted": refusal is None,
        **accepted,
    }
    if refusal is not None:
        shown |= {"reason": refusal.reason, "message": str(refusal)}
    # ASCII, so that no escape sequence of a token reaches the terminal. JSON lets one control character pass.
    click.echo(json.dumps(shown, indent=2, ensure_ascii=True).replace("\x7f", "\\u007f"))
    raise SystemExit(refusal is not None)


def _show_jwt(state: AppState, text: str) -> dict[str, Any]:
    """Return what a JWT says, whether it is good or not. An encrypted one is opened, if this application can."""
    outer: dict[str, Any] = {}
    if is_encrypted(text):
        outer["outer_header"] = thaw(parse_unverified(text).header)
        text = _open_encrypted(state, text)
    unverified = parse_unverified(text)
    return {
        **outer,
        "header": thaw(unverified.header),
        **_show_claims(unverified),
        "judged_by": _find_judge(state, unverified.claims),
    }


def _open_encrypted(state: AppState, text: str) -> str:
    """Return the token inside an encrypted one, or "" if this application cannot open it."""
    decryption, opened = state.keys.decryption, None
    with suppress(TokenError):  # the refusal has the reason
        opened = None if decryption is None else decryption.open(text, max_bytes=MAX_UNVERIFIED)
    return "" if opened is None else opened.text


def _show_record(lookups: Lookups, text: str) -> dict[str, Any]:
    """Return what the store knows of a reference token or an API key, whether it is good or not."""
    shown: dict[str, Any] = {"kind": "reference" if text.startswith(REFERENCE_PREFIX) else "api_key"}
    try:
        with errors_as_messages():
            token = lookups.read(text)
    except TokenDamaged:
        token = None
    if isinstance(token, ApiKeyToken):
        shown["api_key"] = describe_api_key(token.api_key)
    return shown | _show_claims(UnverifiedToken(header=None, claims=None if token is None else token.claims))


def _show_claims(unverified: UnverifiedToken) -> dict[str, Any]:
    return {
        "claims": thaw(unverified.claims),
        "times": {name: at.isoformat() for name, at in unverified.times.items()},
    }


def _read_token() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Token", hide_input=True, err=True)).strip()
    return sys.stdin.buffer.read(MAX_UNVERIFIED + 1).decode(errors="replace").strip()


def _find_judge(state: AppState, claims: Mapping[str, object] | None) -> str | None:
    with suppress(KeySetUnavailable, Refusal):  # it is not known, and the refusal has the reason
        return state.trust.find_judge(claims)
    return None


def _judge(state: AppState, text: str) -> tuple[Refusal | None, dict[str, Any]]:
    """Verify *text* as if it came in a request, so that the reason is the same as in the log.

    Returns:
        The refusal, or None and what views see.
    """
    try:
        found: Any = state.authenticator.find_token(f"Bearer {text}")  # not None, with this scheme
        token, user_id = state.authenticator.accept(found)
    except Refusal as refusal:
        return refusal, {}
    except KeySetUnavailable as error:
        raise click.ClickException(str(error)) from error
    except StoreUnavailable as error:
        raise click.ClickException(f"the store cannot be asked: {error}") from error
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    except Exception as error:
        raise click.ClickException(
            "a function of the application that is asked about the token must not fail, but raised "
            f"{type(error).__name__}"
        ) from error
    warn_of_other_memory(state)
    return None, {"user_id": str(user_id), "scopes": sorted(token.scopes)}


@click.command()
@click.argument("user")
@click.option("--scope", "scopes", multiple=True, help="A scope of the token; can be repeated.")
@click.option(
    "--expires-in",
    metavar="DURATION",
    help="Its lifetime: 900, 15m or PT15M.  [default: TOKENAUTH_ACCESS_LIFETIME]",
)
@click.option("--audience", multiple=True, help="Its audience; can be repeated.  [default: TOKENAUTH_AUDIENCE]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jwt", "reference"]),
    help="A signed token, or a random one that the store explains.  [default: TOKENAUTH_TOKEN_FORMAT]",
)
@with_appcontext
def token(
    *,
    user: str,
    scopes: tuple[str, ...],
    expires_in: str | None,
    audience: tuple[str, ...],
    form: TokenFormat | None,
) -> None:
    """Print an access token of USER, and nothing else, to try things with. It is real."""
    state = open_state()
    with errors_as_messages():
        if (form or state.settings.token_format) == "reference":
            check_shared_store(state)
        lifetime = read_lifetime(expires_in)
        issued = create_token(user, scopes, expires_in=lifetime, audience=audience or None, format=form)
    warn_of_other_memory(state)
    click.echo("This token is real: until it expires, everyone who has it can act as that user.", err=True)
    click.echo(issued)
