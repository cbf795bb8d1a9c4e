"""Attacks on the claims of a properly signed token (RFC 7519 section 4.1, RFC 8725 section 3, RFC 9068 section 4)."""

import json
from collections.abc import Iterator, Mapping

from tests.attacks.kit import (
    AUDIENCE,
    CLAIMS,
    ISSUER,
    NOW,
    Case,
    Group,
    Json,
    compact,
    jwt_header,
    signer,
    without,
)

_YEAR_9999 = 253_402_300_799
_LEEWAY = 10
_MAX_LIFETIME = 86_400


def _group(name: str, reason: str = "claim_malformed") -> Group:
    return Group(name=name, layer="jwt", control="control-jwt-hs256", key=signer("HS256").public, reason=reason)


def _token(claims: Json | bytes, alg: str = "HS256") -> str:
    return compact(jwt_header(signer(alg)), claims, signer(alg))


def _changed(**changes: object) -> str:
    return _token({**CLAIMS, **changes})


def _spelled(spellings: Mapping[str, str]) -> str:
    """Sign claims, of which some are given as JSON that may be invalid."""
    members = {name: json.dumps(value) for name, value in CLAIMS.items()} | dict(spellings)
    return _token(("{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}").encode())


def missing_cases() -> Iterator[Case]:
    group = _group("claim-missing", "claim_missing")
    for name in ("iss", "aud", "exp", "iat", "jti", "sub"):
        yield group.reject(name, _token(without(CLAIMS, name)), f"{name} is missing (RFC 9068 section 2.2).")
    yield group.reject("all", _token({}), "There are no claims at all.")
    for name, other, idea in (
        ("exp", "Exp", "in another case, for readers that ignore it"),
        ("exp", "exp ", "with a space after its name"),
        ("sub", "s\u0443b", "with a Cyrillic letter in its name"),
        ("exp", "expires_at", "under the name of OAuth's responses"),
    ):
        claims = {**without(CLAIMS, name), other: CLAIMS[name]}
        why = f"{name} is there only {idea}."
        slug = f"{name}-as-{other.strip()}" if other.isascii() else f"{name}-look-alike"
        yield group.reject(f"{slug}{'-space' if other.endswith(' ') else ''}", _token(claims), why)
    nested = {"claims": dict(CLAIMS), **without(CLAIMS, "exp")}
    yield group.reject("nested", _token(nested), "exp is there only in an object inside.")
    header = {**jwt_header(signer("HS256")), "exp": NOW + 840}
    token = compact(header, without(CLAIMS, "exp"), signer("HS256"))
    yield group.reject("in-header", token, "exp is there only in the header (RFC 7519 section 5.3 is for encryption).")
    for name in ("client_id", "scope"):
        why = f"No attack: {name} is issued and not required."
        yield group.accept(f"control-{name}", _token(without(CLAIMS, name)), why)


_NO_NUMBERS: tuple[tuple[str, str, str], ...] = (
    ("null", "null", "null"),
    ("true", "true", "true, which is one in Python"),
    ("text", '"1700000840"', "a number as a text"),
    (
        "text-full-width",
        '"\uff11\uff17\uff10\uff10\uff10\uff10\uff10\uff18\uff14\uff10"',
        "full-width digits, which int() reads",
    ),
    ("list", "[1700000840]", "a list"),
    ("minus-one", "-1", "negative"),
    ("after-year-9999", str(_YEAR_9999 + 1), "the first second of the year 10000, which datetime cannot hold"),
    ("400-digits", "1" + "0" * 400, "an integer of 401 digits, which no double holds"),
    ("large-float", "1e300", "so large that arithmetic with it loses every second"),
    ("milliseconds", "1700000840000", "in milliseconds, good for 53 000 years"),
)

_NO_JSON = (
    ("1e999", "1e999", "1e999, which is infinity in most readers"),
    ("5000-digits", "1" + "0" * 5000, "an integer of 5001 digits, at which int() of Python raises"),
    ("hexadecimal", "0x10", "hexadecimal"),
    ("plus", "+1700000840", "written with a plus sign"),
    ("leading-zero", "01700000840", "written with a leading zero"),
    ("bare-point", "1700000840.", "written with a point at its end"),
    ("no-integer", ".5", "written with a point at its start"),
    ("infinity", "Infinity", "Infinity"),
    ("nan", "NaN", "NaN, which is neither before nor after anything"),
    ("full-width", "\uff11\uff17\uff10\uff10\uff10\uff10\uff10\uff18\uff14\uff10", "written in full-width digits"),
)


def number_cases() -> Iterator[Case]:
    group = _group("number")
    for name, text, idea in _NO_NUMBERS:
        yield group.reject(f"exp-{name}", _spelled({"exp": text}), f"exp is {idea} (RFC 7519 section 2, NumericDate).")
    for claim in ("iat", "nbf", "auth_time"):
        for name, text, idea in _NO_NUMBERS:
            if name in ("null", "true", "text", "minus-one", "after-year-9999"):
                why = f"{claim} is {idea} (RFC 7519 section 2, NumericDate)."
                yield group.reject(f"{claim}-{name.replace('_', '-')}", _spelled({claim: text}), why)
    for name, text, idea in _NO_JSON:
        yield group.reject(f"exp-{name}", _spelled({"exp": text}), f"exp is {idea}.", reason="token_malformed")
    for claim in ("iat", "nbf"):
        for name, text in (("1e999", "1e999"), ("nan", "NaN")):
            why = f"{claim} is {text}, with which every comparison goes one way."
            yield group.reject(f"{claim}-{name}", _spelled({claim: text}), why, reason="token_malformed")
    for name, text in (
        ("fraction", f"{NOW + 840}.5"),
        ("exponent", "1.70000084e9"),
        ("zero-fraction", f"{NOW + 840}.0"),
    ):
        why = f"No attack: {text} is a NumericDate too."
        yield group.accept(f"control-{name}", _spelled({"exp": text}), why)


def time_cases() -> Iterator[Case]:
    expired, early = _group("time", "token_expired"), _group("time", "token_not_yet_valid")
    future, long = _group("time", "token_issued_in_future"), _group("time", "lifetime_too_long")
    last = NOW - _LEEWAY
    for name, exp, idea in (
        ("at-leeway", last, "exactly at the end of the leeway (RFC 7519 section 4.1.4: on or after)"),
        ("fraction", last - 0.5, "half a second after the end of the leeway"),
        ("recently", NOW - 30, "half a minute ago"),
        ("zero", 0, "in 1970, a value that is falsy too"),
    ):
        yield expired.reject(f"expired-{name}", _changed(exp=exp, iat=min(exp, NOW - 60)), f"exp was reached {idea}.")
    yield expired.accept("control-within-leeway", _changed(exp=last + 1), "No attack: exp is over, the leeway is not.")
    ahead = NOW + _LEEWAY
    for name, nbf in (("one-second", ahead + 1), ("fraction", ahead + 0.5), ("year-9999", _YEAR_9999)):
        why = f"nbf lies ahead by more than the leeway: {nbf} (RFC 7519 section 4.1.5)."
        yield early.reject(f"early-{name}", _changed(nbf=nbf), why)
    yield early.accept("control-nbf-at-leeway", _changed(nbf=ahead), "No attack: nbf lies ahead by the leeway.")
    for name, iat in (
        ("one-second", ahead + 1),
        ("fraction", ahead + 0.5),
        ("hour", NOW + 3600),
        ("year-9999", _YEAR_9999),
    ):
        token = _changed(iat=iat, exp=min(iat + 60, _YEAR_9999))
        why = f"iat lies ahead by more than the leeway ({iat}), so that the lifetime is counted from a time to come."
        yield future.reject(f"future-{name}", token, why)
    yield future.accept("control-iat-at-leeway", _changed(iat=ahead), "No attack: iat lies ahead by the leeway.")
    for name, iat, exp in (
        ("one-second", NOW - 60, NOW - 60 + _MAX_LIFETIME + 1),
        ("fraction", NOW - 60, NOW - 60 + _MAX_LIFETIME + 0.5),
        ("year-9999", NOW - 60, _YEAR_9999),
        ("old", 0, NOW + 840),
    ):
        why = f"The token lives longer than any may: from {iat} to {exp}."
        yield long.reject(f"long-{name}", _changed(iat=iat, exp=exp), why)
    longest = _changed(exp=NOW - 60 + _MAX_LIFETIME)
    yield long.accept("control-longest", longest, "No attack: exactly as long a life as a token may have.")


def issuer_cases() -> Iterator[Case]:
    wrong, malformed = _group("issuer", "issuer_wrong"), _group("issuer")
    for name, value, idea in (
        ("other", "https://attacker.example", "another issuer"),
        ("slash", f"{ISSUER}/", "the issuer and a slash (RFC 7519 section 2: compared as text)"),
        ("http", "http://issuer.example", "the issuer without TLS"),
        ("prefix", "https://issuer", "the start of the issuer, for readers that look for substrings (CVE-2024-53861)"),
        ("empty", "", "empty, which is part of every text"),
        ("suffix", f"{ISSUER}.attacker.example", "a host that begins like the issuer's"),
        ("userinfo", "https://issuer.example@attacker.example", "a URL that begins like the issuer's"),
        ("nul", f"{ISSUER}\0", "the issuer and a NUL"),
        ("cyrillic", "https://\u0456ssuer.example", "the issuer with a Cyrillic letter"),
    ):
        yield wrong.reject(name, _changed(iss=value), f"iss is {idea}.")
    for kind, no_text in (
        ("list", [ISSUER]),
        ("null", None),
        ("number", 1),
        ("object", {ISSUER: True}),
    ):
        why = f"iss is no text but a {kind.replace('-', ' ')}, which 'in' may let through (CVE-2025-30144)."
        yield malformed.reject(f"type-{kind}", _changed(iss=no_text), why)
    token = _token({**CLAIMS, "iss": "https://attacker.example"}, "RS256")
    why = "Another issuer, and a good signature with our RSA key."
    yield wrong.reject("other-rs256", token, why, key=signer("RS256").public, control="control-jwt-rs256")


def audience_cases() -> Iterator[Case]:
    wrong, malformed = _group("audience", "audience_wrong"), _group("audience")
    for name, value, idea in (
        ("other", "https://other.example", "another server's"),
        ("prefix", "https://api", "the start of ours, for readers that look for substrings"),
        ("slash", f"{AUDIENCE}/", "ours and a slash"),
        ("two-in-one", f"https://other.example {AUDIENCE}", "two servers in one text"),
        ("empty", "", "empty, which is part of every text"),
        ("empty-list", [], "an empty list (CVE-2020-26160)"),
        ("letters", list(AUDIENCE), "the letters of ours, one by one"),
    ):
        yield wrong.reject(name, _changed(aud=value), f"aud is {idea} (RFC 7519 section 4.1.3).")
    for kind, no_texts in (
        ("null", None),
        ("true", True),
        ("object", {AUDIENCE: True}),
        ("list-with-number", [AUDIENCE, 1]),
        ("nested-list", [[AUDIENCE]]),
    ):
        why = f"aud is neither a text nor a list of texts ({kind.replace('-', ' ')})."
        yield malformed.reject(f"type-{kind}", _changed(aud=no_texts), why)
    several = ["https://other.example", AUDIENCE]
    yield wrong.accept("control-several", _changed(aud=several), "No attack: we are one audience of two.")


def binding_cases() -> Iterator[Case]:
    group = _group("binding", "binding_unproven")
    for name, value, idea in (
        ("jkt", {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}, "a DPoP key (RFC 9449 section 6)"),
        ("jwk", {"jwk": signer("ES256").public}, "a key (RFC 7800 section 3.2)"),
        ("empty", {}, "nothing that can be read"),
        ("null", None, "null (a member all the same)"),
    ):
        why = f"A token that is bound to {idea} is shown as a bearer token."
        yield group.reject(name, _changed(cnf=value), why)


def duplicate_cases() -> Iterator[Case]:
    for name, first, last, reason, idea in (
        ("exp", '"exp":1700000840', '"exp":1699999000', "token_expired", "exp twice, the later one over"),
        ("exp-escaped", '"exp":1700000840', '"\\u0065xp":1699999000', "token_expired", "exp once more, in an escape"),
        (
            "iss",
            f'"iss":"{ISSUER}"',
            '"iss":"https://attacker.example"',
            "issuer_wrong",
            "iss twice, the later one wrong",
        ),
        (
            "aud",
            f'"aud":"{AUDIENCE}"',
            '"aud":"https://other.example"',
            "audience_wrong",
            "aud twice, the later one wrong",
        ),
    ):
        group = _group("claim-duplicate", reason)
        why = f"The claims have {idea}: the last one counts (RFC 7519 section 4)."
        yield group.reject(name, _with_claim_twice(first, last), why)
        why = f"No attack: the same in the other order ({name}), so that the last one is good."
        yield group.accept(f"control-{name}", _with_claim_twice(last, first), why)


def _with_claim_twice(first: str, last: str) -> str:
    name = json.loads("{" + first + "}").popitem()[0]
    rest = json.dumps(without(CLAIMS, name))[1:-1]
    return _token(("{" + first + "," + rest + "," + last + "}").encode())


def cases() -> Iterator[Case]:
    yield from missing_cases()
    yield from number_cases()
    yield from time_cases()
    yield from issuer_cases()
    yield from audience_cases()
    yield from binding_cases()
    yield from duplicate_cases()
