"""``flask tokenauth size``: how many bytes a token would have, as each kind of token."""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import click
from flask.cli import with_appcontext

from ..core.encoding.strict_json import read_object
from ..core.tokens.claim_sizes import show_name
from ..lifecycle.token_sizes import BEFORE_TOKEN, TokenSize, TokenSizes, measure_login
from .output import echo_untrusted, errors_as_messages, open_state


@click.command()
@click.argument("user")
@click.option("--scope", "scopes", multiple=True, help="A scope of the token; can be repeated.")
@click.option("--claims", metavar="JSON", help="Claims of the application, as a JSON object.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead.")
@with_appcontext
def size(*, user: str, scopes: tuple[str, ...], claims: str | None, as_json: bool) -> None:
    """Show how long the access token is that USER gets at a login, as each kind of token. None is made."""
    state = open_state()
    with errors_as_messages():
        sizes = measure_login(state, user, scopes, _read_claims(claims))
    if as_json:
        click.echo(json.dumps(_describe(sizes), indent=2).replace("\x7f", "\\u007f"))
        return
    for line in _write_lines(sizes):
        echo_untrusted(line)


def _read_claims(text: str | None) -> Mapping[str, object] | None:
    if text is None:
        return None
    try:
        return read_object(text.encode())
    except ValueError:  # it may quote the claims
        raise ValueError(
            '--claims must be a JSON object with each name once, like \'{"team": "blue"}\', got something else: put it '
            "into single quotes"
        ) from None


def _write_lines(sizes: TokenSizes) -> Iterator[str]:
    """Return two tables. Tokens of one kind and the same length are on one line."""
    yield " bytes  header  token"
    kinds = sorted(sizes.kinds, key=lambda found: (list(_KINDS).index(found.kind), found.bytes))
    for (kind, length, is_issued), group in groupby(kinds, lambda found: (found.kind, found.bytes, found.is_issued)):
        found = list(group)
        names = ", ".join([_KINDS[kind], *filter(None, map(_name_algorithm, found))])
        excess = sizes.find_excess(found[0])
        notes = ["(this application issues it)"] * is_issued + [f"is over {excess}"] * (excess is not None)
        yield "  ".join([f"{length:6}", f"{length + BEFORE_TOKEN:6}", " ".join([names, *notes])])
    yield ""
    yield " bytes  claim"
    for name, length in sizes.claims.items():
        yield f"{length:6}  {show_name(name)}"
    yield f"{sizes.claims_bytes:6}  all claims, as JSON"


_KINDS = {"reference": "reference token", "jwt": "JWT", "jwe": "JWE"}  # in the order of the table


def _name_algorithm(found: TokenSize) -> str:
    return (found.algorithm or "") + (f" ({found.curve})" if found.curve else "")


def _describe(sizes: TokenSizes) -> dict[str, Any]:
    tokens = [
        {
            "kind": found.kind,
            "algorithm": found.algorithm,
            "curve": found.curve,
            "bytes": found.bytes,
            "header_bytes": found.bytes + BEFORE_TOKEN,
            "issued": found.is_issued,
            "fits": sizes.find_excess(found) is None,
        }
        for found in sizes.kinds
    ]
    limits = {"max_token_bytes": sizes.most, "room_in_cookie": sizes.room_in_cookie}
    return {"tokens": tokens, "claims": sizes.claims, "claims_bytes": sizes.claims_bytes, **limits}
