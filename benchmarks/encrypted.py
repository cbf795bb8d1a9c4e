"""Measure encrypted tokens: a request with one that is remembered or new, and issuing, beside joserfc and jwcrypto."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask
from joserfc import jwe as joserfc_jwe
from joserfc import jwk as joserfc_jwk
from jwcrypto import jwe as jwcrypto_jwe
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto.common import json_encode

from flask_tokenauth.core.keys.encryption_algorithms import MANAGEMENTS
from flask_tokenauth.core.keys.encryption_key import EncryptionKey

from .apps import bare, decryption, ours
from .keys import Jwk
from .measure import Subject, Timing, measure
from .section import Check, Options, Section, Table, timing_table
from .tokens import make_jwk, mint
from .wsgi import make_caller

SIGNED_BY = "HS256"  # the fastest, so that the cost of encryption shows
BARE = "bare"
JWT_REMEMBERED, JWT_NEW = "JWT, remembered", "JWT, new"
JWE_REMEMBERED, JWE_NEW = "JWE, remembered", "JWE, new"
DECRYPT, DECRYPT_JWCRYPTO = "decryption by joserfc alone", "decryption by jwcrypto alone"
ISSUE_JWT, ISSUE_JWE = "create_token, JWT", "create_token, JWE"
_REQUESTS = (BARE, DECRYPT, DECRYPT_JWCRYPTO, JWT_REMEMBERED, JWE_REMEMBERED, JWT_NEW, JWE_NEW)
MOST_OF_JWT = 1.03  # time of a request with a remembered token
MOST_OF_PARTS = 1.3  # added by a new token, of what joserfc's decryption and a new JWT add

_ABOUT = (
    f"A GET request with a token of `create_token`, signed by {SIGNED_BY}: as it is, and encrypted with A256GCM. "
    "*Remembered*: the same token each time. *New*: with `TOKENAUTH_TOKEN_CACHE_SIZE = 0`. Beside them a view that "
    "only decrypts the token, with a prepared key. The second table has `create_token` and, for the same token, "
    "encryption alone. The targets: a remembered JWE costs as much as a remembered JWT, and a new one adds at most "
    f"{MOST_OF_PARTS:g} times as much as joserfc's decryption and a new JWT together."
)


def run(options: Options) -> Section:
    """Measure each pair of algorithms."""
    timings = {_name(alg, curve): _measure(alg, curve, options.rounds) for alg, curve in MANAGEMENTS}
    requests = {pair: {name: taken[name] for name in _REQUESTS} for pair, taken in timings.items()}
    rows = [
        [pair, name, *(f"{figure:,.1f}" for figure in (timing.p10, timing.median, timing.iqr)), str(timing.rounds)]
        for pair, taken in timings.items()
        for name, timing in taken.items()
        if name not in _REQUESTS
    ]
    tables = [
        timing_table(("encryption", "request"), requests, bare=BARE),
        Table(("encryption", "call", "p10 µs", "median µs", "IQR µs", "rounds"), rows, word_columns=2),
    ]
    checks = [check for pair, taken in timings.items() for check in _check(pair, taken)]
    return Section("Encrypted tokens", _ABOUT, tables, checks)


def _name(alg: str, curve: str | None) -> str:
    return alg if curve is None else f"{alg}, {curve}"


def _measure(alg: str, curve: str | None, rounds: int) -> dict[str, Timing]:
    signing, encryption = make_jwk(SIGNED_BY), EncryptionKey.generate(alg, curve=curve).to_jwk(private=True)
    plain, encrypted = ours.make(signing), _make_encrypting(signing, encryption)
    jwt, jwe = mint(plain), mint(encrypted)
    requests = {
        BARE: make_caller(bare.make(), None, status=200),
        DECRYPT: make_caller(decryption.make(_decrypt_by_joserfc(encryption, jwe)), None, status=200),
        DECRYPT_JWCRYPTO: make_caller(decryption.make(_decrypt_by_jwcrypto(encryption, jwe)), None, status=200),
        JWT_REMEMBERED: make_caller(plain, f"Bearer {jwt}", status=200),
        JWE_REMEMBERED: make_caller(encrypted, f"Bearer {jwe}", status=200),
        JWT_NEW: make_caller(ours.make(signing, TOKENAUTH_TOKEN_CACHE_SIZE=0), f"Bearer {jwt}", status=200),
        JWE_NEW: make_caller(_make_encrypting(signing, encryption, size=0), f"Bearer {jwe}", status=200),
    }
    calls = {
        "encryption by joserfc alone": _encrypt_by_joserfc(encryption, jwt),
        "encryption by jwcrypto alone": _encrypt_by_jwcrypto(encryption, jwt),
    }
    issuing = [
        Subject(ISSUE_JWT, partial(mint, plain), plain.app_context),
        Subject(ISSUE_JWE, partial(mint, encrypted), encrypted.app_context),
    ]
    return measure([*(Subject(name, call) for name, call in (requests | calls).items()), *issuing], rounds)


def _make_encrypting(signing: Jwk, encryption: Jwk, *, size: int = 1024) -> Flask:
    return ours.make(signing, TOKENAUTH_ENCRYPTION_KEYS={"keys": [encryption]}, TOKENAUTH_TOKEN_CACHE_SIZE=size)


def _header(jwk: Jwk) -> dict[str, str]:
    return {"alg": jwk["alg"], "enc": jwk["enc"], "kid": jwk["kid"], "cty": "JWT", "typ": "at+jwt"}


def _members(jwk: Jwk) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name not in ("alg", "enc", "use")}


def _decrypt_by_joserfc(jwk: Jwk, token: str) -> Callable[[], object]:
    registry = joserfc_jwe.JWERegistry(algorithms=[jwk["alg"], jwk["enc"]])
    return partial(joserfc_jwe.decrypt_compact, token, joserfc_jwk.import_key(_members(jwk)), registry=registry)


def _encrypt_by_joserfc(jwk: Jwk, inside: str) -> Callable[[], object]:
    registry, key = joserfc_jwe.JWERegistry(algorithms=[jwk["alg"], jwk["enc"]]), joserfc_jwk.import_key(_members(jwk))
    return lambda: joserfc_jwe.encrypt_compact(_header(jwk), inside, key, registry=registry)


def _decrypt_by_jwcrypto(jwk: Jwk, token: str) -> Callable[[], object]:
    key = jwcrypto_jwk.JWK(**_members(jwk))

    def decrypt() -> object:
        opened = jwcrypto_jwe.JWE(algs=[jwk["alg"], jwk["enc"]])
        opened.deserialize(token, key)
        return opened.payload

    return decrypt


def _encrypt_by_jwcrypto(jwk: Jwk, inside: str) -> Callable[[], object]:
    key, header = jwcrypto_jwk.JWK(**_members(jwk)), json_encode(_header(jwk))

    def encrypt() -> object:
        made = jwcrypto_jwe.JWE(inside.encode(), header, algs=[jwk["alg"], jwk["enc"]])
        made.add_recipient(key)
        return made.serialize(compact=True)

    return encrypt


def _check(pair: str, taken: dict[str, Timing]) -> list[Check]:
    added = {name: taken[name].p10 - taken[BARE].p10 for name in _REQUESTS}
    parts = added[DECRYPT] + added[JWT_NEW]
    of_jwt = taken[JWE_REMEMBERED].p10 / taken[JWT_REMEMBERED].p10
    return [
        Check(f"{pair}: {JWE_REMEMBERED} / {JWT_REMEMBERED}", of_jwt, MOST_OF_JWT),
        Check(f"{pair}: added by {JWE_NEW} / by {DECRYPT} and {JWT_NEW}", added[JWE_NEW] / parts, MOST_OF_PARTS),
    ]
