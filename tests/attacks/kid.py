"""Attacks on the search for the key: ``kid`` as a path, a URL or SQL, and keys in the token (RFC 8725 section 3.10)."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.attacks.controls import jws_token
from tests.attacks.kit import (
    CLAIMS,
    Case,
    Group,
    Signer,
    attacker,
    b64,
    compact,
    jws_header,
    jwt_header,
    key_set,
    rsa_key,
    sign_text,
    signer,
    signing_input,
)

_EVIL = "https://attacker.example"

_INJECTIONS = (
    ("path-dev-null", "../../../../../../dev/null", b"", "a path to an empty file, which makes the HMAC key empty"),
    (
        "path-known-file",
        "/proc/sys/kernel/randomize_va_space",
        b"2\n",
        "a path to a file whose content everybody knows",
    ),
    ("path-same-key", "./hs256-1", None, "a path that normalises to the genuine name"),
    ("file-url", "file:///dev/null", b"", "a URL of a file"),
    ("http-url", f"{_EVIL}/key", b"attacker", "a URL to fetch the key from"),
    ("sql-union", "x' UNION SELECT 'attacker'-- ", b"attacker", "SQL that returns a key of the attacker's choice"),
    ("glob", "*", None, "a wildcard for any key"),
)

_VARIANTS = (
    ("empty", "", "an empty name, which some readers take for a missing one"),
    ("upper-case", "HS256-1", "the genuine name in upper case (RFC 7515 section 4.1.4: case-sensitive)"),
    ("trailing-space", "hs256-1 ", "the genuine name and a space"),
    ("trailing-nul", "hs256-1\0", "the genuine name and a NUL"),
    ("nul-suffix", "hs256-1\0.pem", "the genuine name, a NUL and more, which C does not see"),
    ("prefix", "hs256", "a prefix of the genuine name"),
    ("array-index", "0", "the position of the key in its set"),
    ("full-width", "\uff48\uff53256-1", "full-width letters, which NFKC turns into the genuine name"),
    ("very-long", "hs256-1" * 700, "a very long name"),
    ("dunder", "__class__", "a name that every object of Python has"),
)

_NO_TEXT = (
    ("null", None),
    ("number", 1),
    ("list", ["hs256-1"]),
)


def kid_cases() -> Iterator[Case]:
    by = signer("HS256")
    group = Group(name="kid", layer="jws", control="control-jws-hs256", key=by.public, reason="key_unknown")
    for name, kid, secret, idea in _INJECTIONS:
        forger = by if secret is None else Signer("HS256", kid, {"kty": "oct", "k": b64(secret)})
        yield group.reject(name, compact(jws_header(by, kid=kid), CLAIMS, forger), f"kid is {idea}.")
    for name, kid, idea in _VARIANTS:
        token = compact(jws_header(by, kid=kid), CLAIMS, by)
        yield group.reject(name, token, f"A good signature under a kid that is {idea}.")
    for name, value in _NO_TEXT:
        token = compact(jws_header(by, kid=value), CLAIMS, by)
        why = f"kid is {name} and no text (RFC 7515 section 4.1.4)."
        yield group.reject(f"type-{name}", token, why, reason="token_malformed")
    yield group.accept(
        "missing-one-key", compact({"alg": "HS256"}, CLAIMS, by), "No kid, and only one key to be meant."
    )
    token = compact({"alg": "HS256", "typ": "at+jwt"}, CLAIMS, by)
    yield group.reject(
        "missing-access-token", token, "An access token without kid.", layer="jwt", control="control-jwt-hs256"
    )


def set_cases() -> Iterator[Case]:
    first, second = signer("RS256", kid="key-1"), signer("RS256", kid="key-2", material="attacker-rsa")
    third = signer("ES256", kid="key-3")
    group = Group(
        name="kid-set",
        layer="jws",
        control="kid-set-control-first",
        key=key_set(first, second, third),
        reason="signature_invalid",
    )
    yield group.accept("control-first", jws_token(first), "No attack: the first key of a set.")
    yield group.accept("control-third", jws_token(third), "No attack: the third key of a set.")
    token = compact(jws_header(first), CLAIMS, second)
    yield group.reject(
        "other-key-signed", token, "Signed with the second key and named after the first: no key is tried."
    )
    token = compact(jws_header(third), CLAIMS, first, "RS256")
    yield group.reject("rsa-signature-for-ec-key", token, "An RSA signature under the name and algorithm of an EC key.")
    token = compact(jws_header(first, kid="key-3"), CLAIMS, first)
    yield group.reject(
        "algorithm-of-another",
        token,
        "alg fits one key of the set, kid another (CVE-2021-46743).",
        reason="algorithm_wrong",
    )
    token = compact({"alg": "RS256"}, CLAIMS, first)
    yield group.reject("missing", token, "No kid and several keys that could be meant.", reason="key_unknown")
    token = compact({"alg": "ES256"}, CLAIMS, third)
    why = "No kid, and alg fits only one key of the set: the header does not choose."
    yield group.reject("missing-alg-fits-one", token, why, reason="key_unknown")
    token = compact(jws_header(first, kid="key-1,key-2"), CLAIMS, first)
    yield group.reject("two-names", token, "kid holds two genuine names.", reason="key_unknown")
    named = signer("HS256", kid="cl\u00e9-1")
    group = Group(name="kid-set", layer="jws", control="kid-set-control-accent", key=named.public, reason="key_unknown")
    yield group.accept(
        "control-accent", jws_token(named), "No attack: a name outside ASCII, in Unicode's composed form."
    )
    token = compact(jws_header(named, kid="cle\u0301-1"), CLAIMS, named)
    yield group.reject("decomposed", token, "The genuine name in Unicode's decomposed form, which is another text.")


def _certificate(owner: Signer) -> bytes:
    """Return a certificate of the key of the attacker in DER, always the same octets."""
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    key = rsa_key(owner) if owner.private["kty"] == "RSA" else ec.derive_private_key(owner.number("d"), ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer.example")])
    start = datetime(2023, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=3650)).public_key(key.public_key())
    deterministic = None if isinstance(key, rsa.RSAPrivateKey) else True
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=deterministic).public_bytes(Encoding.DER)


def offered_key_cases() -> Iterator[Case]:
    for alg in ("HS256", "RS256", "PS256", "ES256", "EdDSA"):
        yield from _offered_jwk(alg)
    for alg in ("RS256", "ES256"):
        yield from _offered_certificate(alg)
    yield from _offered_by_url()
    by, evil = signer("RS256"), attacker("RS256")
    group = _group("RS256")
    token = compact(jws_header(by, jwk=evil.public), CLAIMS, by)
    yield group.accept("jwk-ignored", token, "The attacker's key in the header of a genuine token changes nothing.")
    token = compact(jws_header(by, jwk=by.public), CLAIMS, evil)
    yield group.reject("jwk-genuine", token, "The genuine key in the header, and a signature with another.")
    secret = attacker("HS256")
    token = compact(jws_header(by, alg="HS256", jwk=secret.public), CLAIMS, secret)
    why = "The attacker's HMAC secret in the header, for the name of an RSA key."
    yield group.reject("jwk-secret-for-rsa", token, why, reason="algorithm_wrong")
    token = compact(jws_header(by, jwks=key_set(evil)), CLAIMS, evil)
    yield group.reject("jwks", token, "A whole key set in the header, under a name that some servers know.")
    token = compact(jws_header(by, key=evil.public["n"], epk=evil.public), CLAIMS, evil)
    yield group.reject("epk-and-key", token, "The attacker's key in parameters that are meant for encryption.")


def _group(alg: str) -> Group:
    return Group(
        name="key-in-header",
        layer="jws",
        control=f"control-jws-{alg.lower()}",
        key=signer(alg).public,
        reason="signature_invalid",
    )


def _offered_jwk(alg: str) -> Iterator[Case]:
    by, evil = signer(alg), attacker(alg)
    group = _group(alg)
    token = compact(jws_header(by, jwk=evil.public), CLAIMS, evil)
    why = f"The attacker's {alg} key in jwk under the genuine kid, with a signature that it verifies (CVE-2018-0114)."
    yield group.reject(f"jwk-{alg.lower()}", token, why)
    own = attacker(alg, kid="attacker-1")
    token = compact(jwt_header(own, jwk=own.public), CLAIMS, own)
    why = f"The attacker's {alg} key in jwk under a kid of its own (CVE-2018-0114)."
    yield group.reject(
        f"jwk-own-kid-{alg.lower()}",
        token,
        why,
        reason="key_unknown",
        layer="jwt",
        control=f"control-jwt-{alg.lower()}",
    )


def _offered_certificate(alg: str) -> Iterator[Case]:
    by, evil, group = signer(alg), attacker(alg), _group(alg)
    der = _certificate(evil)
    chain = [b64(der).replace("-", "+").replace("_", "/") + "=" * (-len(der) % 3)]
    offers = (
        ("x5c", {"x5c": chain}, "a certificate chain (RFC 7515 section 4.1.6)"),
        ("x5t", {"x5t": b64(hashlib.sha1(der, usedforsecurity=False).digest())}, "a SHA-1 thumbprint"),
        ("x5t-s256", {"x5t#S256": b64(hashlib.sha256(der).digest())}, "a SHA-256 thumbprint"),
        ("x5u", {"x5u": f"{_EVIL}/cert.pem"}, "a URL of a certificate (RFC 7515 section 4.1.5)"),
    )
    for name, extra, idea in offers:
        token = compact(jws_header(by, **extra), CLAIMS, evil)
        why = f"A signature with the attacker's {alg} key, which the header offers by {idea}."
        yield group.reject(f"{name}-{alg.lower()}", token, why)


def _offered_by_url() -> Iterator[Case]:
    urls = (
        ("jku", f"{_EVIL}/jwks.json", "a URL of their own (RFC 7515 section 4.1.2)"),
        ("jku-userinfo", "https://issuer.example@attacker.example/jwks.json", "a URL that begins like the issuer's"),
        ("jku-subdomain", "https://issuer.example.attacker.example/jwks.json", "a host that begins like the issuer's"),
    )
    for (name, url, idea), alg in zip(urls, ("RS256", "ES256", "EdDSA"), strict=True):
        token = compact(jws_header(signer(alg), jku=url), CLAIMS, attacker(alg))
        yield _group(alg).reject(name, token, f"The attacker offers their {alg} key at {idea}.")
    by = signer("RS256")
    text = signing_input(jws_header(by, alg="none", jku=f"{_EVIL}/jwks.json"), CLAIMS)
    token = sign_text(text, attacker("RS256"))
    yield _group("RS256").reject("jku-none", token, "A key by URL and no algorithm.", reason="algorithm_wrong")


def cases() -> Iterator[Case]:
    yield from kid_cases()
    yield from set_cases()
    yield from offered_key_cases()
