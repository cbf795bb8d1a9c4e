"""Attacks on the compact form (RFC 7515 section 7.1): white space, padding, dots, second encodings, sizes."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.attacks.controls import jws_token, jwt_token
from tests.attacks.kit import (
    AUDIENCE,
    CLAIMS,
    Case,
    Group,
    b64,
    compact,
    dump,
    jws_header,
    jwt_header,
    respelled,
    segment,
    sign_text,
    signer,
    signing_input,
    unb64,
    without,
)

_EDGES = (
    ("newline", "\n"),
    ("space", " "),
    ("tab", "\t"),
    ("nul", "\0"),
    ("byte-order-mark", "\ufeff"),
)
_PARTS = ("header", "payload", "signature")

MAXIMUM = 8000  # characters


def _group(name: str, layer: str = "jws", alg: str = "HS256") -> Group:
    return Group(
        name=name,
        layer=layer,
        control=f"control-{layer}-{alg.lower()}",
        key=signer(alg).public,
        reason="token_malformed",
    )


def edge_cases() -> Iterator[Case]:
    token, group = jws_token(signer("HS256")), _group("edge")
    for name, octets in _EDGES:
        yield group.reject(f"{name}-after", f"{token}{octets}", f"After the token comes: {name.replace('-', ' ')}.")
        yield group.reject(f"{name}-before", f"{octets}{token}", f"Before the token comes: {name.replace('-', ' ')}.")
    for name, wrapped, idea in (
        ("scheme", f"Bearer {token}", "the word Bearer before it"),
        ("quotes", f'"{token}"', "quotation marks around it"),
        ("twice", f"{token} {token}", "itself once more after a space"),
        ("list", f"{token},{token}", "itself once more after a comma"),
    ):
        yield group.reject(name, wrapped, f"The token comes with {idea}.")


def dot_cases() -> Iterator[Case]:
    token, group = jws_token(signer("HS256")), _group("dots")
    header, payload, signature = token.split(".")
    for name, text, idea in (
        ("nothing", "", "no text at all"),
        ("one", f"{header}.{payload}", "one dot, and no signature"),
        ("only-two", "..", "two dots and nothing else"),
        ("only-many", "." * MAXIMUM, "nothing but dots, which are dear to split"),
        ("trailing", f"{token}.", "an empty fourth part"),
        ("leading", f".{token}", "an empty part before it"),
        ("fourth-part", f"{token}.{signature}", "a fourth part"),
        ("percent-encoded", token.replace(".", "%2E"), "percent-encoded dots"),
        ("full-width", token.replace(".", "\uff0e"), "full-width dots"),
        ("tildes", f"{token}~", "the tilde of an SD-JWT, and no disclosure"),
    ):
        yield group.reject(name, text, f"A token of the wrong shape: {idea}.")
    why = "The payload is left out (RFC 7515 appendix F) and the signature kept."
    yield group.reject("detached", f"{header}..{signature}", why, reason="signature_invalid")
    by = signer("HS256")
    token = sign_text(f"{segment(jws_header(by))}.", by)
    yield group.accept(
        "control-empty-payload", token, "No attack: an empty payload is a payload for the signature layer."
    )


def base64_cases() -> Iterator[Case]:
    by, group = signer("HS256"), replace(_group("base64url"), control="base64url-control")
    mutations: tuple[tuple[str, Callable[[str], str], str], ...] = (
        ("padded", lambda part: part + "=" * (-len(part) % 4), "padded with = (RFC 7515 section 2)"),
        ("percent-padded", lambda part: part + "%3D", "padded with a percent-encoded ="),
        ("trailing-bits", respelled, "spelled a second time, with bits at its end that nobody reads"),
        ("inner-newline", lambda part: part[:9] + "\n" + part[9:], "wrapped with a newline, as in MIME"),
        ("one-more", lambda part: part + "A" * (1 + -len(part) % 4), "of a length that base64 cannot have"),
    )
    header, payload = _odd(jws_header(by)), _odd(CLAIMS)
    signature = sign_text(f"{header}.{payload}", by).split(".")[2]
    yield group.accept("control", f"{header}.{payload}.{signature}", "No attack: parts that each could have padding.")
    for name, mutate, idea in mutations:
        changed = mutate(header), mutate(payload), mutate(signature)
        tokens = (
            sign_text(f"{changed[0]}.{payload}", by),
            sign_text(f"{header}.{changed[1]}", by),
            f"{header}.{payload}.{changed[2]}",
        )
        for place, token in zip(_PARTS, tokens, strict=True):
            yield group.reject(f"{place}-{name}", token, f"The {place} is {idea}.")
    yield from _respelled_unsigned(header, payload, signature, group)


def _respelled_unsigned(header: str, payload: str, signature: str, group: Group) -> Iterator[Case]:
    why = "The {} of a genuine token is spelled a second time, to get past a list of revoked tokens."
    token = f"{respelled(header)}.{payload}.{signature}"
    yield group.reject("header-respelled-unsigned", token, why.format("header"))
    token = f"{header}.{respelled(payload)}.{signature}"
    yield group.reject("payload-respelled-unsigned", token, why.format("payload"), reason="signature_invalid")


def _odd(value: object) -> str:
    """Return JSON whose length modulo 3 is 2, in base64url: it could have padding, and has two unused bits."""
    text = dump(value)
    return b64(text[:-1] + b" " * ((2 - len(text)) % 3) + text[-1:])


def alphabet_cases() -> Iterator[Case]:
    by, group = signer("HS256"), _group("base64url")
    header, claims = jws_header(by, x="\u00ff\u00fe?>" * 6), {**CLAIMS, "x": "\u00ff\u00fe?>" * 6}
    plain = b64encode(dump(header)).decode().rstrip("="), b64encode(dump(claims)).decode().rstrip("=")
    control = "base64url-control-alphabet"
    yield group.accept("control-alphabet", compact(header, claims, by), "No attack: parts in which - and _ occur.")
    token = sign_text(f"{plain[0]}.{segment(claims)}", by)
    yield group.reject("header-plus-slash", token, "The header is in the alphabet with + and /.", control=control)
    token = sign_text(f"{segment(header)}.{plain[1]}", by)
    yield group.reject("payload-plus-slash", token, "The payload is in the alphabet with + and /.", control=control)
    for alg in ("RS256", "EdDSA"):
        text, signature = jws_token(signer(alg)).rsplit(".", 1)
        token = f"{text}.{signature.replace('-', '+').replace('_', '/')}"
        why = f"The {alg} signature is in the alphabet with + and /."
        yield _group("base64url", alg=alg).reject(f"{alg.lower()}-plus-slash", token, why)
    for alg in ("HS512", "RS256", "ES256", "EdDSA"):
        text, signature = jws_token(signer(alg)).rsplit(".", 1)
        why = f"The {alg} signature is spelled a second time, with bits at its end that nobody reads."
        token = f"{text}.{respelled(signature)}"
        yield _group("base64url", alg=alg).reject(f"{alg.lower()}-trailing-bits", token, why)


def other_serialisation_cases() -> Iterator[Case]:
    by, group = signer("HS256"), _group("serialisation")
    header, payload, signature = jws_token(by).split(".")
    flat = {"protected": header, "payload": payload, "signature": signature}
    general = {"payload": payload, "signatures": [{"protected": header, "signature": signature}]}
    unprotected = {"payload": payload, "header": jws_header(by), "signature": signature}
    forged = segment({**CLAIMS, "sub": "admin"})
    polyglot = f'{{"  {header}.{forged}.":"",' + json.dumps(flat)[1:]
    for name, text, idea in (
        ("flattened", json.dumps(flat), "flattened JSON (RFC 7515 section 7.2.2)"),
        ("general", json.dumps(general), "general JSON (RFC 7515 section 7.2.1)"),
        ("unprotected", json.dumps(unprotected), "JSON with its header unprotected"),
        ("polyglot", polyglot, "JSON that holds a compact token with other claims (CVE-2022-39227)"),
        ("no-base64", f"{dump(jws_header(by)).decode()}.{payload}.{signature}", "a header that is not encoded at all"),
    ):
        yield group.reject(name, text, f"The token comes as {idea}.")


def nested_cases() -> Iterator[Case]:
    by, group = signer("HS256"), _group("nested", "jwt")
    inner = jwt_token(by)
    token = compact(jwt_header(by, cty="JWT"), inner.encode(), by)
    yield group.reject(
        "jws-in-jws", token, "The payload is a token again (RFC 7519 section 5.2), for readers that recurse."
    )
    token = compact(jwt_header(by), inner.encode(), by)
    yield group.reject("jws-in-jws-without-cty", token, "The payload is a token again, and the header does not say so.")
    quoted = compact(jwt_header(by, cty="JWT"), dump(inner), by)
    yield group.reject("jws-as-json-text", quoted, "The payload is a token as a JSON text.")
    claims = dump(CLAIMS)
    length = len(claims)
    deflated = b"\1" + length.to_bytes(2, "little") + (0xFFFF ^ length).to_bytes(2, "little") + claims
    token = compact(jwt_header(by, zip="DEF"), deflated, by)
    yield group.reject("deflated", token, "The payload is in DEFLATE (one stored block), which JWS does not know.")
    token = compact(jwt_header(by, zip="DEF"), CLAIMS, by)
    yield group.accept("control-zip", token, "No attack: zip belongs to JWE and is ignored here.")
    token = compact(jwt_header(by, enc="A256GCM"), CLAIMS, by)
    yield group.accept("control-enc", token, "No attack: enc belongs to JWE and is ignored in a token of three parts.")
    token = compact(jwt_header(by, cty="JWT"), CLAIMS, by)
    yield group.accept("control-cty", token, "No attack: cty says nothing that we ask for.")
    yield from _encrypted(group)


def _encrypted(group: Group) -> Iterator[Case]:
    by = signer("HS256")
    header = segment(jwt_header(by, alg="dir", enc="A256GCM"))
    sealed = AESGCM(unb64(by.private["k"])).encrypt(bytes(12), dump(CLAIMS), header.encode())
    token = f"{header}..{b64(bytes(12))}.{b64(sealed[:-16])}.{b64(sealed[-16:])}"
    yield group.reject("jwe-dir", token, "A token encrypted with the signing secret, properly (CVE-2023-51774).")
    header = segment(jwt_header(by, alg="PBES2-HS256+A128KW", enc="A128GCM", p2s=b64(bytes(16)), p2c=2**31 - 1))
    token = f"{header}.{b64(bytes(24))}.{b64(bytes(12))}.{b64(bytes(64))}.{b64(bytes(16))}"
    yield group.reject("jwe-p2c", token, "An encrypted token that asks for two thousand million rounds of PBKDF2.")
    header = segment(jwt_header(by, enc="A256GCM"))
    token = f"{header}.{b64(bytes(24))}.{b64(bytes(12))}.{b64(bytes(64))}.{b64(bytes(16))}"
    yield group.reject("jwe-with-jws-alg", token, "Five parts under the algorithm of a signature.")
    rsa = signer("RS256")
    header = segment(jwt_header(rsa, alg="RSA-OAEP", enc="A256GCM"))
    token = f"{header}.{b64(bytes(256))}.{b64(bytes(12))}.{b64(bytes(64))}.{b64(bytes(16))}"
    why = "Five parts, for readers that decrypt and take that for a signature (CVE-2022-3102)."
    yield group.reject("jwe-rsa", token, why, key=rsa.public, control="control-jwt-rs256")


def size_cases() -> Iterator[Case]:
    group = _group("size", "jwt")
    yield group.accept("control-maximum", _of_size(MAXIMUM), "No attack: exactly as long as a token may be.")
    for name, token, idea in (
        ("one-over", _of_size(MAXIMUM + 1), "A good token, one character too long."),
        ("header", _of_size(MAXIMUM + 1, in_header=True), "A good token, too long because of its header."),
        ("dots", "." * (MAXIMUM + 1), "Too long, and nothing but dots: size is judged before shape."),
        ("letters", "A" * (MAXIMUM + 1), "Too long, and no dot at all: size is judged before shape."),
        ("spaces", jwt_token(signer("HS256")) + " " * MAXIMUM, "A good token and a long run of spaces."),
        (
            "signature",
            f"{signing_input(jwt_header(signer('HS256')), CLAIMS)}.{'A' * MAXIMUM}",
            "A very long signature.",
        ),
    ):
        yield group.reject(name, token, idea, reason="token_too_large", control="size-control-maximum")


def _of_size(size: int, *, in_header: bool = False) -> str:
    """Return a good token of exactly *size* characters. No part can have a length of 1 modulo 4."""
    by = signer("HS256")

    def attempt(room: int, length: int) -> tuple[dict[str, object], dict[str, object]]:
        filler, rest = "x" * length, "y" * room
        header = jwt_header(by, x=filler if in_header else rest)
        return header, {**without(CLAIMS, "aud"), "aud": [AUDIENCE], "x": rest if in_header else filler}

    attempts = (attempt(room, length) for room in range(4) for length in range(size * 3 // 4, 0, -1))
    header, claims = next(pair for pair in attempts if sum(len(segment(part)) for part in pair) + 45 == size)
    return compact(header, claims, by)


def cases() -> Iterator[Case]:
    yield from edge_cases()
    yield from dot_cases()
    yield from base64_cases()
    yield from alphabet_cases()
    yield from other_serialisation_cases()
    yield from nested_cases()
    yield from size_cases()
