"""Attacks by the key: it is too weak, made for another use, or malformed (RFC 7517, RFC 7518 section 6).

Such a key is refused when it is loaded. If a good signature is possible, the token has one, so a verifier that loads
the key accepts the token.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from tests.attacks.controls import jws_token
from tests.attacks.kit import (
    CLAIMS,
    Case,
    Group,
    Signer,
    b64,
    compact,
    jws_header,
    key_set,
    respelled,
    sign_text,
    signer,
    signing_input,
    unb64,
    without,
)


def _group(name: str, alg: str) -> Group:
    return Group(
        name=name,
        layer="jwk",
        control=f"control-jws-{alg.lower()}",
        key=signer(alg).public,
        reason="key_invalid",
    )


def _cut(alg: str, size: int) -> Signer:
    by = signer(alg)
    return replace(by, private={"kty": "oct", "k": b64(unb64(by.private["k"])[:size])})


def oct_cases() -> Iterator[Case]:
    for alg, size, idea in (
        ("HS256", 31, "one octet shorter than its hash (RFC 7518 section 3.2)"),
        ("HS384", 47, "one octet shorter than its hash (RFC 7518 section 3.2)"),
        ("HS512", 63, "one octet shorter than its hash (RFC 7518 section 3.2)"),
        ("HS512", 32, "as long as a key for HS256"),
        ("HS256", 1, "a single octet"),
        ("HS256", 0, "empty: everybody has it"),
    ):
        by = _cut(alg, size)
        why = f"The {alg} key is {idea}."
        yield _group("key-oct", alg).reject(f"{alg.lower()}-{size}-octets", jws_token(by), why, key=by.public)
    by = signer("HS256")
    public, token, group = by.public, jws_token(by), _group("key-oct", "HS256")
    k = by.private["k"]
    for name, key, idea in (
        ("k-missing", without(public, "k"), "k is missing"),
        ("k-number", {**public, "k": 1}, "k is a number"),
        ("k-padded", {**public, "k": f"{k}="}, "k is padded (RFC 7518 section 6.4.1: base64url)"),
        ("k-newline", {**public, "k": f"{k}\n"}, "k ends with a newline"),
        ("k-trailing-bits", {**public, "k": respelled(k)}, "k is spelled with bits at its end that nobody reads"),
        (
            "k-plain-text",
            {**public, "k": "correct horse battery staple, and then some!"},
            "k is a password, not encoded",
        ),
    ):
        yield group.reject(name, token, f"An HMAC key whose {idea}.", key=key)
    yield from _oct_alphabet(group)


def _oct_alphabet(group: Group) -> Iterator[Case]:
    by = signer("HS256", kid="hs256-alphabet")
    by = replace(by, private={"kty": "oct", "k": b64(hashlib.sha256(b"d").digest())})
    yield group.accept(
        "alphabet-control", jws_token(by), "No attack: k with - and _ in it.", key=by.public, layer="jws"
    )
    key = {**by.public, "k": by.private["k"].replace("-", "+").replace("_", "/")}
    why = "An HMAC key whose k is in the alphabet with + and /."
    yield group.reject("k-alphabet", jws_token(by), why, key=key, control="key-oct-alphabet-control")


_NO_ALGORITHMS: tuple[tuple[str, str, object, str], ...] = (
    ("HS256", "none", "none", "none"),
    ("RS256", "none", "none", "none"),
    ("HS256", "unknown", "HS257", "HS257, which does not exist"),
    ("HS256", "lower-case", "hs256", "the right name in lower case"),
    ("HS256", "rsa", "RS256", "an algorithm of RSA"),
    ("HS256", "encryption", "A256GCM", "an algorithm for encryption"),
    ("HS256", "null", None, "null"),
    ("HS256", "list", ["HS256", "HS512"], "a list"),
    (
        "RS256",
        "hmac",
        "HS256",
        "an algorithm of HMAC, so that the public key would be the secret (RFC 8725 section 2.1)",
    ),
    ("RS256", "encryption", "RSA-OAEP", "an algorithm for encryption"),
    ("ES256", "hmac", "HS256", "an algorithm of HMAC"),
    ("ES256", "longer", "ES384", "an algorithm of another curve"),
    ("ES256", "koblitz", "ES256K", "an algorithm of secp256k1"),
    ("EdDSA", "ec", "ES256", "an algorithm of Weierstrass curves"),
    ("EdDSA", "ed448", "Ed448", "an algorithm of another curve"),
    ("EdDSA", "hmac", "HS256", "an algorithm of HMAC"),
)


def alg_cases() -> Iterator[Case]:
    for alg, name, value, idea in _NO_ALGORITHMS:
        by = signer(alg)
        key = {**by.public, "alg": value}
        token = sign_text(signing_input(jws_header(by, alg=value), CLAIMS), by)
        why = f"The key is of type {by.private['kty']}, good for {alg}, and its alg is {idea}."
        yield _group("key-alg", alg).reject(f"{alg.lower()}-{name}", token, why, key=key)
    for alg in ("HS256", "RS256", "PS256"):
        by = signer(alg)
        why = f"The key for {alg} does not say its algorithm: the header would choose (RFC 8725 section 3.1)."
        key = without(by.public, "alg")
        yield _group("key-alg", alg).reject(f"{alg.lower()}-missing", jws_token(by), why, key=key)


def use_cases() -> Iterator[Case]:
    for alg in ("HS256", "RS256", "ES256", "EdDSA"):
        by = signer(alg)
        key = {**by.public, "use": "enc"}
        why = f"The {alg} key is for encryption (RFC 7517 section 4.2)."
        yield _group("key-use", alg).reject(f"{alg.lower()}-enc", jws_token(by), why, key=key)
    for alg, judged in (
        ("HS256", {"layer": "jws", "reason": "signature_invalid"}),  # the secret is loaded, since it can sign
        ("ES256", {}),
    ):
        by = signer(alg)
        why = f"The {alg} key may only sign: key_ops has no verify (RFC 7517 section 4.3)."
        key = {**by.public, "key_ops": ["sign"]}
        yield _group("key-use", alg).reject(f"{alg.lower()}-sign-only", jws_token(by), why, key=key, **judged)
    by = signer("RS256")
    group = _group("key-use", "RS256")
    for name, extra, idea in (
        ("unknown", {"use": "tls"}, "use is unknown"),
        ("ops-empty", {"key_ops": []}, "key_ops allow nothing"),
        ("ops-text", {"key_ops": "verify"}, "key_ops is a text, in which 'verify' is found"),
        ("ops-against-use", {"use": "sig", "key_ops": ["encrypt"]}, "key_ops contradict use"),
    ):
        yield group.reject(name, jws_token(by), f"An RSA key whose {idea}.", key={**by.public, **extra})
    key = {**by.public, "use": "sig", "key_ops": ["verify"]}
    yield group.accept("control", jws_token(by), "No attack: a key for verification alone.", key=key, layer="jws")


def kty_cases() -> Iterator[Case]:
    for alg, value, idea in (
        ("HS256", "RSA", "RSA, with the members of a secret"),
        ("HS256", "OCT", "in upper case (RFC 7517 section 4.1: case-sensitive)"),
        ("HS256", None, "null"),
        ("RS256", "oct", "oct, with the members of an RSA key"),
        ("RS256", "rsa", "in lower case (RFC 7517 section 4.1: case-sensitive)"),
        ("RS256", "EC", "EC, with the members of an RSA key"),
        ("ES256", "OKP", "OKP, with the members of an EC key"),
        ("ES256", "RSA", "RSA, with the members of an EC key"),
        ("EdDSA", "EC", "EC, with the members of an Edwards key"),
        ("EdDSA", "XYZ", "unknown"),
    ):
        by = signer(alg)
        why = f"The key is for {alg}, and its kty is {idea}."
        key = {**by.public, "kty": value}
        yield _group("key-kty", alg).reject(f"{alg.lower()}-{str(value).lower()}", jws_token(by), why, key=key)
    for alg in ("HS256", "RS256"):
        by = signer(alg)
        key = without(by.public, "kty")
        yield _group("key-kty", alg).reject(
            f"{alg.lower()}-missing", jws_token(by), f"The {alg} key has no kty (RFC 7517 section 4.1).", key=key
        )


def set_cases() -> Iterator[Case]:
    hs256, rs256, eddsa = (signer(alg) for alg in ("HS256", "RS256", "EdDSA"))
    same = signer("RS256", material="attacker-rsa")
    other = signer("ES256", kid=rs256.kid)
    group = _group("key-set", "RS256")
    for name, key, token, idea in (
        ("duplicate-kid", key_set(rs256, same), jws_token(rs256), "two keys under one kid"),
        ("duplicate-kid-other-type", key_set(rs256, other), jws_token(rs256), "an RSA and an EC key under one kid"),
        ("mixed-oct-rsa", key_set(hs256, rs256), jws_token(rs256), "a secret beside a public RSA key"),
        ("mixed-oct-okp", key_set(eddsa, hs256), jws_token(eddsa), "a secret beside a public Edwards key"),
        ("keys-object", {"keys": {rs256.kid: rs256.public}}, jws_token(rs256), "its keys in an object"),
        ("member-text", {"keys": ["rs256-1"]}, jws_token(rs256), "a text among its keys"),
    ):
        why = f"A key set with {idea} (RFC 7517 section 5, RFC 8725 section 2.1)."
        yield group.reject(name, token, why, key=key)
    for name, kid in (("number", 1), ("null", None), ("list", ["rs256-1"])):
        key = {**rs256.public, "kid": kid}
        token = compact(jws_header(rs256, kid=kid), CLAIMS, rs256)
        yield group.reject(
            f"kid-{name}", token, f"The kid of the key is {name} and no text (RFC 7517 section 4.5).", key=key
        )


def cases() -> Iterator[Case]:
    yield from oct_cases()
    yield from alg_cases()
    yield from use_cases()
    yield from kty_cases()
    yield from set_cases()
