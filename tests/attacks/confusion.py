"""Attacks by HMAC with a public key as the secret, in every form of the public key (RFC 8725 section 2.1).

If a verifier takes the algorithm from the header and the key by its ``kid``, an attacker only needs to guess the octets
that it passes to HMAC. Each of CVE-2015-9235, CVE-2016-5431, CVE-2016-10555, CVE-2017-11424, CVE-2022-29217,
CVE-2023-48223, CVE-2024-33663 and CVE-2024-37568 missed one form.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.attacks.kit import (
    CLAIMS,
    CURVES,
    Case,
    Group,
    Json,
    Signer,
    b64,
    dump,
    jws_header,
    jwt_header,
    rsa_key,
    signer,
    signing_input,
    unb64,
)

_Public = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_CVE = {
    "spki-pem": "CVE-2015-9235, CVE-2016-10555",
    "pkcs1-pem": "CVE-2017-11424, CVE-2023-48223",
    "openssh": "CVE-2022-29217, CVE-2024-33663",
}
_REQUIRED = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


def _public(by: Signer) -> _Public:
    members = by.private
    if members["kty"] == "RSA":
        return rsa_key(by).public_key()
    if members["kty"] == "OKP":
        return ed25519.Ed25519PublicKey.from_public_bytes(unb64(members["x"]))
    return ec.EllipticCurvePublicNumbers(by.number("x"), by.number("y"), CURVES[members["crv"]]).public_key()


def spellings(by: Signer) -> Mapping[str, bytes]:
    """Return the public key of *by* in every form that libraries have passed to HMAC.

    HMAC hashes a key that is longer than its block. So with HS256 the required members and their raw thumbprint are the
    same key.
    """
    key = _public(by)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    required = {name: by.private[name] for name in _REQUIRED[by.private["kty"]]}
    digest = hashlib.sha256(dump(required)).digest()  # RFC 7638 section 3
    return {
        "spki-pem": pem,
        "spki-pem-no-newline": pem.rstrip(b"\n"),
        "spki-pem-leading-newline": b"\n" + pem,
        "spki-der": key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "openssh": key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "jwk-required-members": dump(required),
        "jwk-as-published": dump(by.public),
        "jwk-sorted": dump(dict(sorted(by.public.items()))),
        "thumbprint-text": b64(digest).encode(),
        **_numbers(by, key),
    }


def _numbers(by: Signer, key: _Public) -> Mapping[str, bytes]:
    members = by.private
    if isinstance(key, rsa.RSAPublicKey):
        pkcs1 = key.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
        return {
            "pkcs1-pem": pkcs1,
            "pkcs1-der": key.public_bytes(Encoding.DER, PublicFormat.PKCS1),
            "modulus": unb64(members["n"]),
            "modulus-text": members["n"].encode(),
        }
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {
            "raw": key.public_bytes_raw(),
            "x-text": members["x"].encode(),
            "hex": key.public_bytes_raw().hex().encode(),
        }
    return {
        "uncompressed-point": key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        "compressed-point": key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
        "x-and-y": unb64(members["x"]) + unb64(members["y"]),
        "x": unb64(members["x"]),
        "x-text": members["x"].encode(),
    }


_EC_FORMS = (
    "spki-pem",
    "spki-pem-no-newline",
    "spki-der",
    "openssh",
    "jwk-required-members",
    "jwk-as-published",
    "thumbprint-text",
    "uncompressed-point",
    "compressed-point",
    "x-and-y",
    "x",
    "x-text",
)
_ED_FORMS = (
    "spki-pem",
    "spki-der",
    "openssh",
    "jwk-required-members",
    "jwk-as-published",
    "thumbprint-text",
    "raw",
    "x-text",
    "hex",
)

_PLAN: tuple[tuple[str, str, tuple[str, ...] | None], ...] = (  # key, header, spellings (None: all)
    ("RS256", "HS256", None),
    ("RS256", "HS384", ("spki-pem",)),
    ("RS256", "HS512", ("spki-pem",)),
    ("RS512", "HS512", ("spki-pem",)),
    ("PS256", "HS256", ("spki-pem", "spki-der")),
    ("PS384", "HS384", ("spki-pem",)),
    ("ES256", "HS256", _EC_FORMS),
    ("ES256", "HS384", ("spki-pem",)),
    ("ES256", "HS512", ("spki-pem",)),
    ("ES384", "HS384", ("spki-pem", "uncompressed-point")),
    ("ES512", "HS512", ("spki-pem", "uncompressed-point")),
    ("EdDSA", "HS256", _ED_FORMS),
    ("EdDSA", "HS512", ("spki-pem", "raw")),
    ("Ed25519", "HS256", ("spki-pem", "raw")),
)


def cases() -> Iterator[Case]:
    for alg, header, chosen in _PLAN:
        forms = spellings(signer(alg))
        for form in chosen or tuple(forms):
            yield _confused(alg, header, form, forms[form])
    yield from _without_a_kid()
    yield from _label_kept()


def _group(alg: str, layer: str) -> Group:
    return Group(
        name="hmac-confusion",
        layer=layer,
        control=f"control-{layer}-{alg.lower()}",
        key=signer(alg).public,
        reason="algorithm_wrong",
    )


def _confused(alg: str, header: str, form: str, secret: bytes) -> Case:
    seen = f" ({_CVE[form]})" if form in _CVE else ""
    return _group(alg, "jws").reject(
        f"{alg.lower()}-{header.lower()}-{form}",
        _forge(jws_header(signer(alg), alg=header), header, secret),
        f"{header} keyed with the public {alg} key, spelled as {form.replace('-', ' ')}{seen}.",
    )


def _forge(header: Json, alg: str, secret: bytes) -> str:
    text = signing_input(header, CLAIMS)
    return f"{text}.{b64(hmac.digest(secret, text.encode(), f'sha{alg[2:]}'))}"


def _without_a_kid() -> Iterator[Case]:
    for alg in ("RS256", "ES256", "EdDSA"):
        token = _forge({"alg": "HS256"}, "HS256", spellings(signer(alg))["spki-pem"])
        why = f"HS256 keyed with the PEM of the only {alg} key, with no kid that would have to be known."
        yield _group(alg, "jws").reject(f"{alg.lower()}-no-kid", token, why)


def _label_kept() -> Iterator[Case]:
    for alg in ("RS256", "ES256", "EdDSA"):
        header = jwt_header(signer(alg))
        token = _forge(header, "HS256", spellings(signer(alg))["spki-pem"])
        why = f"The header says {alg} and the signature is HMAC keyed with the public PEM, for readers that guess."
        yield _group(alg, "jwt").reject(f"{alg.lower()}-label-kept", token, why, reason="signature_invalid")
