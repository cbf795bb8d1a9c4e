"""Attacks on Ed25519 signatures (RFC 8032 section 5.1.7, RFC 8037): scalars and points in a second encoding."""

import hashlib
from collections.abc import Iterator

from tests.attacks.big_numbers import ED_BASE, ED_L, ed_encode, ed_hash, ed_multiply, ed_secret
from tests.attacks.controls import jws_token
from tests.attacks.kit import Case, Group, attacker, b64, signer, unb64

LOW_ORDER = (  # the eight points whose order divides 8
    ("order-1", "0100000000000000000000000000000000000000000000000000000000000000"),
    ("order-2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order-4", "0000000000000000000000000000000000000000000000000000000000000000"),
    ("order-4-sign", "0000000000000000000000000000000000000000000000000000000000000080"),
    ("order-8-a", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ("order-8-a-sign", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    ("order-8-b", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ("order-8-b-sign", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
)
NOT_CANONICAL = (  # the same points, in encodings that RFC 8032 section 5.1.3 forbids
    ("order-1-sign", "0100000000000000000000000000000000000000000000000000000000000080"),
    ("order-2-sign", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("order-1-plus-p", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order-1-plus-p-sign", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("order-4-plus-p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order-4-plus-p-sign", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
)


def _group(alg: str) -> Group:
    return Group(
        name="eddsa",
        layer="jws",
        control=f"control-jws-{alg.lower()}",
        key=signer(alg).public,
        reason="signature_invalid",
    )


def _prehashed(seed: bytes, public: bytes, message: bytes, flag: int, context: bytes) -> bytes:
    """Sign with Ed25519ph (flag 1) or Ed25519ctx (flag 0), RFC 8032 section 5.1."""
    domain = b"SigEd25519 no Ed25519 collisions" + bytes([flag, len(context)]) + context
    scalar, prefix = ed_secret(seed)
    message = hashlib.sha512(message).digest() if flag else message
    nonce = ed_hash(domain, prefix, message)
    point = ed_encode(ed_multiply(nonce, ED_BASE))
    answer = (nonce + ed_hash(domain, point, public, message) * scalar) % ED_L
    return point + answer.to_bytes(32, "little")


def cases() -> Iterator[Case]:
    for alg in ("EdDSA", "Ed25519"):
        text, signature = jws_token(signer(alg)).rsplit(".", 1)
        yield from _scalars(alg, text, unb64(signature))
        yield from _messages(alg, text)
    text, signature = jws_token(signer("EdDSA")).rsplit(".", 1)
    yield from _writings(text, unb64(signature))
    yield from _points(text)


def _scalars(alg: str, text: str, good: bytes) -> Iterator[Case]:
    point, scalar = good[:32], int.from_bytes(good[32:], "little")
    for name, signature, idea in (
        ("s-plus-order", point + (scalar + ED_L).to_bytes(32, "little"), "the order is added to S (CVE-2020-36843)"),
        ("s-top-bits", point + (scalar | 7 << 253).to_bytes(32, "little"), "the three highest bits of S are set"),
        ("all-zero", bytes(64), "all octets are zero, so that R is a point of order four"),
        ("one-short", good[:-1], "the last octet is missing (CVE-2024-42459)"),
        ("one-long", good + b"\0", "a zero octet follows (CVE-2024-42459)"),
    ):
        yield _group(alg).reject(f"{alg.lower()}-{name}", f"{text}.{b64(signature)}", f"{alg}: {idea}.")


def _writings(text: str, good: bytes) -> Iterator[Case]:
    scalar = int.from_bytes(good[32:], "little")
    for name, signature, idea in (
        (
            "s-plus-8-orders",
            good[:32] + (scalar + 8 * ED_L).to_bytes(32, "little"),
            "eight times the order is added to S",
        ),
        ("swapped", good[32:] + good[:32], "R and S have changed places"),
        ("big-endian", good[31::-1] + good[:31:-1], "R and S are written backwards"),
        ("point-only", good[:32], "S is missing"),
        ("empty", b"", "no signature"),
        ("hex", good.hex().encode(), "the signature in hexadecimal digits"),
    ):
        yield _group("EdDSA").reject(name, f"{text}.{b64(signature)}", f"EdDSA: {idea}.")


def _messages(alg: str, text: str) -> Iterator[Case]:
    by = signer(alg)
    seed, public, message = unb64(by.private["d"]), unb64(by.private["x"]), text.encode()
    for name, signature, idea in (
        ("ed25519ph", _prehashed(seed, public, message, 1, b""), "signed as Ed25519ph, which is another algorithm"),
        (
            "ed25519ctx",
            _prehashed(seed, public, message, 0, b"JWS"),
            "signed as Ed25519ctx, which is another algorithm",
        ),
        ("payload-only", by.sign(message.split(b".")[1]), "the header is not signed"),
        ("foreign-key", attacker(alg).sign(message), "signed with another key"),
    ):
        yield _group(alg).reject(f"{alg.lower()}-{name}", f"{text}.{b64(signature)}", f"{alg}: {idea}.")


def _points(text: str) -> Iterator[Case]:
    for name, octets in (*LOW_ORDER[:2], *LOW_ORDER[3:]):  # the third is all zeros, which is one of the scalars
        signature = bytes.fromhex(octets) + bytes(32)
        why = f"EdDSA: R is a point of low order ({name}) and S is zero."
        yield _group("EdDSA").reject(f"r-{name}-s-zero", f"{text}.{b64(signature)}", why)
    by = signer("EdDSA")
    scalar, _ = ed_secret(unb64(by.private["d"]))
    for name, octets in NOT_CANONICAL:
        if not name.startswith("order-1"):  # a lenient reader would accept S only if R is the identity
            continue
        point = bytes.fromhex(octets)
        answer = ed_hash(point, unb64(by.private["x"]), text.encode()) * scalar % ED_L
        why = f"EdDSA: S is right, and R is spelled in a way that RFC 8032 section 5.1.3 forbids ({name})."
        yield _group("EdDSA").reject(f"r-{name}", f"{text}.{b64(point + answer.to_bytes(32, 'little'))}", why)
