"""Attacks on claims that are strings: user, token, session and client IDs, and the scope (RFC 6749 section 3.3)."""

from collections.abc import Iterator

from tests.attacks.kit import CLAIMS, Case, Group, compact, jwt_header, signer

_LONGEST = 255  # characters

_NO_IDS: tuple[tuple[str, object, str], ...] = (
    ("null", None, "null"),
    ("number", 1, "a number, which may be the ID of a row"),
    ("list", ["user-1"], "a list"),
    ("empty", "", "empty"),
    ("too-long", "x" * (_LONGEST + 1), "one character too long, and cut by a database to another's ID"),
    ("nul", "admin\0user-1", "split by a NUL"),
    ("newline", "user-1\nINFO admin signed in", "a forged line for the log"),
    ("escape", "user-1\x1b[2J", "a command to the terminal of whoever reads the log"),
    ("delete", "user-1\x7f", "followed by DEL"),
    ("next-line", "user-1\u0085", "followed by NEL, a control character above ASCII"),
)

_BAD_SCOPES: tuple[tuple[str, object, str], ...] = (
    ("null", None, "null"),
    ("true", True, "true, which may stand for everything"),
    ("list", ["reports:read"], "a list, as other servers have it"),
    ("leading-space", " reports:read", "begun with a space"),
    ("two-spaces", "reports:read  reports:write", "split by two spaces, with an empty scope between"),
    ("newline", "reports:read\nreports:write", "split by a newline, which split() takes for a space"),
    ("no-break-space", "reports:read\u00a0reports:write", "split by a no-break space, which split() takes for a space"),
    ("quote", 'reports:read" realm="x', "a text with quotes that would end a parameter of the challenge"),
    ("not-ascii", "r\u00e9ports", "a text with a letter outside ASCII"),
    ("full-width", "\uff52eports:read", "a text with a full-width letter, which NFKC turns into a granted scope"),
)


def _group(name: str) -> Group:
    return Group(
        name=name, layer="jwt", control="control-jwt-hs256", key=signer("HS256").public, reason="claim_malformed"
    )


def _changed(**changes: object) -> str:
    by = signer("HS256")
    return compact(jwt_header(by), {**CLAIMS, **changes}, by)


def cases() -> Iterator[Case]:
    group = _group("claim-text")
    for name, value, idea in _NO_IDS:
        yield group.reject(f"sub-{name}", _changed(sub=value), f"sub is {idea}.")
    some = ("null", "empty", "too-long", "nul")
    for claim in ("jti", "sid", "client_id"):
        for name, value, idea in _NO_IDS:
            if name in some:
                token = _changed(**{claim: value})
                yield group.reject(f"{claim.replace('_', '-')}-{name}", token, f"{claim} is {idea}.")
    for name, value in (
        ("longest", "x" * _LONGEST),
        ("longest-astral", "\U0001f511" * _LONGEST),
        ("accent", "Zo\u00eb"),
    ):
        why = f"No attack: a user ID that is allowed ({name.replace('-', ' ')})."
        yield group.accept(f"control-sub-{name}", _changed(sub=value), why)
    group = _group("scope")
    for name, value, idea in _BAD_SCOPES:
        yield group.reject(name, _changed(scope=value), f"scope is {idea} (RFC 6749 section 3.3).")
    yield group.accept("control-empty", _changed(scope=""), "No attack: no scope at all.")
    yield group.accept("control-several", _changed(scope="a b:c !#[]~"), "No attack: all that the grammar allows.")
