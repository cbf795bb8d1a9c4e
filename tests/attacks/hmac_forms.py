"""Attacks on HMAC signatures (RFC 2104, RFC 7518 section 3.2): too short, over another message, with another key."""

import hashlib
import hmac
from collections.abc import Iterator

from tests.attacks.controls import jws_token
from tests.attacks.kit import CLAIMS, Case, Group, b64, dump, jws_header, signer, unb64


def cases() -> Iterator[Case]:
    for alg in ("HS256", "HS384", "HS512"):
        group = Group(
            name="hmac",
            layer="jws",
            control=f"control-jws-{alg.lower()}",
            key=signer(alg).public,
            reason="signature_invalid",
        )
        yield from _pieces(alg, group)
        if alg == "HS256":
            yield from _other_inputs(group)


def _pieces(alg: str, group: Group) -> Iterator[Case]:
    text, signature = jws_token(signer(alg)).rsplit(".", 1)
    good = unb64(signature)
    other = signer(alg).sign(text.encode(), "HS256" if alg == "HS512" else "HS512")
    for name, value, idea in (
        ("empty", b"", "empty"),
        ("one-short", good[:-1], "one octet short"),
        ("one-long", good + b"\0", "followed by a zero octet"),
        ("last-bit", good[:-1] + bytes([good[-1] ^ 1]), "wrong in its last bit, for comparisons that stop early"),
        ("other-hash", other[: len(good)].ljust(len(good), b"\0"), "made with another hash, and brought to its length"),
    ):
        yield group.reject(f"{alg.lower()}-{name}", f"{text}.{b64(value)}", f"{alg}: the signature is {idea}.")


def _other_inputs(group: Group) -> Iterator[Case]:
    by = signer("HS256")
    text, signature = jws_token(by).rsplit(".", 1)
    message = text.encode()
    header, payload = message.split(b".")
    decoded = dump(jws_header(by)) + b"." + dump(CLAIMS)
    good = unb64(signature)
    for name, value, idea in (
        ("first-octet", good[:1], "cut to its first octet, for verifiers that compare a prefix"),
        ("doubled", good + good, "there twice"),
        ("hex", good.hex().encode(), "written in hexadecimal digits"),
        ("payload-only", by.sign(payload), "over the payload alone"),
        ("without-dot", by.sign(header + payload), "over the parts without the dot between them"),
        ("decoded", by.sign(decoded), "over the JSON before base64url"),
        ("no-key", hashlib.sha256(message).digest(), "a plain hash, for which no secret is needed"),
        (
            "key-as-text",
            hmac.digest(by.private["k"].encode(), message, "sha256"),
            "keyed with the base64url of the key",
        ),
        ("key-is-kid", hmac.digest(by.kid.encode(), message, "sha256"), "keyed with the name of the key"),
        ("guessed-key", hmac.digest(b"secret", message, "sha256"), "keyed with the first guess of every dictionary"),
    ):
        yield group.reject(f"hs256-{name}", f"{text}.{b64(value)}", f"HS256: the signature is {idea}.")
    why = "HS256: the signature is in hexadecimal digits, which are base64url of something else."
    yield group.reject("hs256-hex-part", f"{text}.{good.hex()}", why)
