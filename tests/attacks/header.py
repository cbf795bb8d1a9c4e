"""Attacks on other parts of the header: ``crit``, ``b64``, ``typ``, and names that come twice."""

from collections.abc import Iterator

from tests.attacks.controls import jws_token
from tests.attacks.kit import (
    CLAIMS,
    Case,
    Group,
    b64,
    compact,
    dump,
    jws_header,
    jwt_header,
    sign_text,
    signer,
    without,
)

_CRIT: tuple[tuple[str, dict[str, object], str], ...] = (
    ("unknown", {"crit": ["urn:example:unknown"], "urn:example:unknown": 1}, "an extension that nobody knows"),
    ("registered", {"crit": ["alg"]}, "a parameter of RFC 7515 itself, which it forbids"),
    ("absent-parameter", {"crit": ["urn:example:absent"]}, "a parameter that is not there"),
    ("empty-list", {"crit": []}, "nothing, which RFC 7515 section 4.1.11 forbids"),
    ("null", {"crit": None}, "null"),
    ("true", {"crit": True}, "true"),
    ("text", {"crit": "b64", "b64": True}, "a text in place of a list"),
    ("object", {"crit": {"b64": True}, "b64": True}, "an object in place of a list"),
    ("number", {"crit": 0}, "zero, which is as falsy as a missing crit"),
    (
        "b64-true",
        {"crit": ["b64"], "b64": True},
        "b64, which is true and so changes nothing: no extension is known here",
    ),
)

_B64: tuple[tuple[str, object, str], ...] = (
    ("false", False, "false without crit, which an old verifier would overlook (RFC 7797 section 6)"),
    ("text-false", "false", "the text 'false'"),
    ("one", 1, "one, which equals true in Python"),
    ("null", None, "null"),
)

_TYPES = (
    ("jwt", "JWT", "the type of every JWT, ID tokens among them"),
    ("refresh", "rt+jwt", "a type that some servers give refresh tokens"),
    ("id-token", "id_token+jwt", "a type that some servers give ID tokens"),
    ("event", "secevent+jwt", "the type of a security event (RFC 8417 section 2.3)"),
    ("proof", "dpop+jwt", "the type of a DPoP proof (RFC 9449 section 4.2)"),
    ("trailing-space", "at+jwt ", "the right type and a space"),
    ("trailing-nul", "at+jwt\0", "the right type and a NUL"),
    ("with-parameter", "at+jwt;charset=utf-8", "the right type with a parameter of a media type"),
    ("doubled-prefix", "application/application/at+jwt", "the prefix twice, for readers that strip it in a loop"),
    ("prefix-only", "application/", "the prefix and nothing else"),
    ("any-suffix", "at+jwt+x", "something after the right type, for readers that look at the start"),
    ("list-in-text", "JWT,at+jwt", "two types in one text, for readers that look for substrings"),
    ("space-for-plus", "at jwt", "the right type after a round through a form, where + is a space"),
    ("dotless-i", "appl\u0131cation/at+jwt", "a dotless i, which upper() turns into the letter I"),
    ("full-width", "\uff41\uff54+\uff4a\uff57\uff54", "full-width letters, which NFKC turns into the right type"),
    (
        "superscript",
        "\u1d43\u1d57\u207a\u02b2\u02b7\u1d57",
        "superscript letters, which NFKC turns into the right type",
    ),
)

_TYPE_NO_TEXT = (("list", ["at+jwt"]), ("null", None), ("number", 1), ("true", True), ("object", {"at+jwt": "at+jwt"}))


def crit_cases() -> Iterator[Case]:
    by = signer("HS256")
    group = Group(name="crit", layer="jws", control="control-jws-hs256", key=by.public, reason="header_unsupported")
    for name, extra, idea in _CRIT:
        token = compact(jws_header(by, **extra), CLAIMS, by)
        yield group.reject(name, token, f"crit holds {idea}; whoever does not know crit must refuse.")
    token = compact(jws_header(by, Crit=["exp"]), CLAIMS, by)
    yield group.accept(
        "control-other-case", token, "No attack: Crit is not crit but a parameter nobody knows: ignored."
    )
    token = compact(jws_header(by), {**CLAIMS, "crit": ["exp"]}, by)
    yield group.accept("control-claim", token, "No attack: crit among the claims is a claim like any other.")
    es256 = signer("ES256")
    token = compact(jwt_header(es256, crit=["urn:example:policy"], **{"urn:example:policy": "strict"}), CLAIMS, es256)
    why = "crit is overlooked where claims are judged too (CVE-2025-59420)."
    yield group.reject("access-token", token, why, layer="jwt", key=es256.public, control="control-jwt-es256")


def b64_cases() -> Iterator[Case]:
    by = signer("HS256")
    group = Group(name="b64", layer="jws", control="b64-control-true", key=by.public, reason="header_unsupported")
    token = compact(jws_header(by, b64=True), CLAIMS, by)
    yield group.accept(
        "control-true", token, "No attack: b64 is true, which is what it is anyway (RFC 7797 section 3)."
    )
    for name, value, idea in _B64:
        token = compact(jws_header(by, b64=value), CLAIMS, by)
        yield group.reject(name, token, f"b64 is {idea}.")
    raw = dump(without(CLAIMS, "iss", "aud", "scope")).decode()
    for name, extra, idea in (
        ("unencoded", {"b64": False, "crit": ["b64"]}, "as RFC 7797 has it"),
        ("unencoded-without-crit", {"b64": False}, "without crit, which RFC 7797 section 6 forbids"),
    ):
        text = f"{b64(dump(jws_header(by, **extra)))}.{raw}"
        yield group.reject(name, sign_text(text, by), f"The payload stands there unencoded, {idea}.")
    _, payload, signature = jws_token(by).split(".")
    token = f"{b64(dump(jws_header(by, b64=False, crit=['b64'])))}.{payload}.{signature}"
    yield group.reject(
        "genuine-signature-kept", token, "b64 is slipped into a genuine token to change what was signed."
    )


def typ_cases() -> Iterator[Case]:
    by = signer("HS256")
    group = Group(name="typ", layer="jwt", control="control-jwt-hs256", key=by.public, reason="type_wrong")
    for name, value, idea in _TYPES:
        token = compact(jwt_header(by, typ=value), CLAIMS, by)
        yield group.reject(name, token, f"typ is {idea} (RFC 8725 section 3.11, RFC 9068 section 4).")
    for name, no_text in _TYPE_NO_TEXT:
        token = compact(jwt_header(by, typ=no_text), CLAIMS, by)
        why = f"typ is {name} and no text (RFC 7515 section 4.1.9)."
        yield group.reject(f"type-{name}", token, why, reason="token_malformed")
    yield group.reject("missing", jws_token(by), "No typ: any JWT of the same issuer would do as an access token.")
    token = compact(jws_header(by, TYP="at+jwt"), CLAIMS, by)
    yield group.reject("upper-case-name", token, "TYP in place of typ, for readers that ignore the case of names.")
    token = compact(jws_header(by, cty="at+jwt"), CLAIMS, by)
    yield group.reject("cty", token, "cty in place of typ.")
    token = compact(jws_header(by), {**CLAIMS, "typ": "at+jwt"}, by)
    yield group.reject("claim", token, "typ among the claims in place of the header.")
    for name, good in (
        ("upper-case", "AT+JWT"),
        ("media-type", "application/at+jwt"),
        ("media-type-mixed-case", "Application/At+Jwt"),
    ):
        token = compact(jwt_header(by, typ=good), CLAIMS, by)
        yield group.accept(
            f"control-{name}", token, f"No attack: {good} is the same media type (RFC 7515 section 4.1.9)."
        )
    yield group.accept(
        "control-jws", compact(jws_header(by, typ="JOSE"), CLAIMS, by), "No type is asked for.", layer="jws"
    )


_DUPLICATES = (
    ("alg-none-first", '{"alg":"none","alg":"HS256","kid":"hs256-1"}', "alg twice, 'none' first"),
    ("alg-none-last", '{"alg":"HS256","kid":"hs256-1","alg":"none"}', "alg twice, 'none' last"),
    ("alg-escaped", '{"alg":"HS256","\\u0061lg":"none","kid":"hs256-1"}', "alg once more, spelled with an escape"),
    ("kid-first", '{"alg":"HS256","kid":"attacker-1","kid":"hs256-1"}', "kid twice, the genuine one last"),
    ("kid-escaped", '{"alg":"HS256","kid":"hs256-1","ki\\u0064":"hs256-1"}', "kid once more, spelled with an escape"),
    ("typ", '{"alg":"HS256","kid":"hs256-1","typ":"JWT","typ":"at+jwt"}', "typ twice"),
    ("unknown", '{"alg":"HS256","kid":"hs256-1","x":1,"x":1}', "a parameter twice that nobody knows"),
    ("nested", '{"alg":"HS256","kid":"hs256-1","jwk":{"kty":"oct","kty":"RSA"}}', "a name twice in an object inside"),
    ("deep", '{"alg":"HS256","kid":"hs256-1","x":{"y":[{"z":{"a":1,"a":1}}]}}', "a name twice, four levels deep"),
    ("b64", '{"alg":"HS256","kid":"hs256-1","b64":false,"b64":true}', "b64 twice, true last"),
    ("surrogates", '{"alg":"HS256","kid":"hs256-1","\U0001f511":1,"\\ud83d\\udd11":2}', "a name plain and in escapes"),
)


def duplicate_cases() -> Iterator[Case]:
    by = signer("HS256")
    group = Group(
        name="header-duplicate", layer="jws", control="control-jws-hs256", key=by.public, reason="token_malformed"
    )
    for name, header, idea in _DUPLICATES:
        token = compact(header.encode(), CLAIMS, by)
        why = f"The header has {idea}: two readers may see two headers (RFC 7515 section 4)."
        yield group.reject(name, token, why)
    same = b'{"alg":"HS256","kid":"hs256-1","x":{"alg":"none","kid":"x"},"y":[{"alg":1},{"alg":2}]}'
    yield group.accept(
        "control-other-objects", compact(same, CLAIMS, by), "No attack: each object has names of its own."
    )
    other = b'{"alg":"HS256","kid":"hs256-1","Kid":"x","ALG":"none"}'
    yield group.accept("control-other-case", compact(other, CLAIMS, by), "No attack: names that differ in case differ.")


def cases() -> Iterator[Case]:
    yield from crit_cases()
    yield from b64_cases()
    yield from typ_cases()
    yield from duplicate_cases()
