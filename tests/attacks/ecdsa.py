"""Attacks on ECDSA signatures (RFC 7518 section 3.4): numbers out of range, and other encodings of the two numbers."""

import hashlib
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.attacks.big_numbers import P256, P384, P521, Curve
from tests.attacks.controls import jws_token
from tests.attacks.kit import (
    CLAIMS,
    Case,
    Group,
    Signer,
    attacker,
    b64,
    jws_header,
    signer,
    signing_input,
    unb64,
)

_PAIRS = (("ES256", P256), ("ES384", P384), ("ES512", P521))


def cases() -> Iterator[Case]:
    for alg, curve in _PAIRS:
        group = Group(
            name="ecdsa",
            layer="jws",
            control=f"control-jws-{alg.lower()}",
            key=signer(alg).public,
            reason="signature_invalid",
        )
        yield from _out_of_range(alg, curve, group)
        yield from _other_writing(alg, curve, group)
        yield from _other_hash(alg, group)
        yield from _point_at_infinity(alg, curve, group)
        yield from _made_key(alg, curve, group)
    yield from _es256_alone()


def _split(alg: str, curve: Curve) -> tuple[str, int, int]:
    text, signature = jws_token(signer(alg)).rsplit(".", 1)
    raw = unb64(signature)
    return text, int.from_bytes(raw[: curve.size], "big"), int.from_bytes(raw[curve.size :], "big")


def _raw(curve: Curve, r: int, s: int) -> bytes:
    return r.to_bytes(curve.size, "big") + s.to_bytes(curve.size, "big")


def _out_of_range(alg: str, curve: Curve, group: Group) -> Iterator[Case]:
    text, r, s = _split(alg, curve)
    top = (1 << 8 * curve.size) - 1
    for name, pair, idea in (
        (
            "zero-zero",
            (0, 0),
            "r and s are zero, good for any message to a verifier that skips the range (CVE-2022-21449)",
        ),
        ("r-zero", (0, s), "r is zero"),
        ("s-zero", (r, 0), "s is zero, which has no inverse"),
        ("r-order", (curve.n, s), "r is the order of the group, zero to whoever reduces it"),
        ("s-order", (r, curve.n), "s is the order of the group, zero to whoever reduces it"),
        ("all-ones", (top, top), "r and s are as large as their octets allow"),
    ):
        why = f"{alg}: {idea}."
        yield group.reject(f"{alg.lower()}-{name}", f"{text}.{b64(_raw(curve, *pair))}", why)


def _other_writing(alg: str, curve: Curve, group: Group) -> Iterator[Case]:
    text, r, s = _split(alg, curve)
    raw, size = _raw(curve, r, s), curve.size
    left, right = raw[:size], raw[size:]
    for name, signature, idea in (
        ("der", encode_dss_signature(r, s), "the signature in DER, as X.509 has it (CVE-2024-42461)"),
        ("one-short", raw[:-1], "the last octet is missing"),
        ("one-long", raw + b"\0", "a zero octet follows"),
        ("halves-widened", b"\0" + left + b"\0" + right, "each half has a leading zero octet (CVE-2024-42460)"),
        ("swapped", right + left, "r and s have changed places"),
        ("little-endian", left[::-1] + right[::-1], "each half is written backwards"),
    ):
        yield group.reject(f"{alg.lower()}-{name}", f"{text}.{b64(signature)}", f"{alg}: {idea}.")


def _other_hash(alg: str, group: Group) -> Iterator[Case]:
    by = signer(alg)
    text = signing_input(jws_header(by), CLAIMS)
    other = {"ES256": "sha512", "ES384": "sha256", "ES512": "sha256"}[alg]
    why = f"{alg}: hashed with {other.upper()}."
    yield group.reject(f"{alg.lower()}-other-hash", f"{text}.{b64(by.ecdsa(text.encode(), other))}", why)


def _hashed(alg: str, text: str) -> int:
    return int.from_bytes(hashlib.new(f"sha{alg[2:]}", text.encode()).digest(), "big")


def _point_at_infinity(alg: str, curve: Curve, group: Group) -> Iterator[Case]:
    by = signer(alg)
    text = signing_input(jws_header(by), CLAIMS)
    r = -_hashed(alg, text) * pow(by.number("d"), -1, curve.n) % curve.n
    why = f"{alg}: the verifier's sum is the point at infinity, which has no coordinate to compare."
    yield group.reject(f"{alg.lower()}-infinity", f"{text}.{b64(_raw(curve, r, 7))}", why)


def _made_key(alg: str, curve: Curve, group: Group) -> Iterator[Case]:
    """Make a key for a signature of small numbers. Only to small numbers the order can be added."""
    point = curve.smallest_point()
    r, s = point[0], 7
    draft = Signer(alg, f"{alg.lower()}-small", signer(alg).private)
    text = signing_input(jws_header(draft), CLAIMS)
    x, y = curve.key_for((r, s), point, _hashed(alg, text))
    coordinates = {"x": b64(x.to_bytes(curve.size, "big")), "y": b64(y.to_bytes(curve.size, "big"))}
    made = Signer(alg, draft.kid, {"kty": "EC", "crv": curve.name, **coordinates})
    control = f"ecdsa-{alg.lower()}-small-control"
    token = f"{text}.{b64(_raw(curve, r, s))}"
    why = f"{alg}: no attack, a good signature whose numbers happen to be very small."
    yield group.accept(f"{alg.lower()}-small-control", token, why, key=made.public)
    for name, signature, idea in (
        ("r-plus-order", _raw(curve, r + curve.n, s), "the order is added to r, which a verifier must not reduce"),
        ("s-plus-order", _raw(curve, r, s + curve.n), "the order is added to s, which a verifier must not reduce"),
        ("zeros-stripped", bytes([r, s]), "the leading zeros of r and s are stripped (RFC 7518 section 3.4)"),
    ):
        why = f"{alg}: a good signature, but {idea}."
        yield group.reject(f"{alg.lower()}-{name}", f"{text}.{b64(signature)}", why, key=made.public, control=control)


def _es256_alone() -> Iterator[Case]:
    """Make the cases that need only one curve."""
    by = signer("ES256")
    text, r, s = _split("ES256", P256)
    message = text.encode()
    group = Group(name="ecdsa", layer="jws", control="control-jws-es256", key=by.public, reason="signature_invalid")
    for name, signature, idea in (
        ("sha1", by.ecdsa(message, "sha1"), "hashed with SHA-1"),
        ("payload-only", by.sign(message.split(b".")[1]), "the header is not signed"),
        ("without-dot", by.sign(message.replace(b".", b"")), "signed without the dot between the parts"),
        ("hashed-twice", by.sign(hashlib.sha256(message).digest()), "the hash is hashed again"),
        ("foreign-key", attacker("ES256").sign(message), "signed with another key of the same curve"),
        ("der-cut", encode_dss_signature(r, s)[:64], "DER, cut to the length of two numbers"),
        ("empty", b"", "no signature"),
    ):
        yield group.reject(f"es256-{name}", f"{text}.{b64(signature)}", f"ES256: {idea}.")
    why = "No attack: ECDSA is good with s negated too, and JWS does not choose; so no token is known by its text."
    yield group.accept("es256-negated-s-control", f"{text}.{b64(_raw(P256, r, P256.n - s))}", why)
