"""Attacks by the ephemeral key: missing, malformed, off the curve, of small order, on another curve (RFC 7518 4.6.1).

Where an attacker can know the shared secret that a careless reader computes, the token is encrypted with it. Each such
token would tell a part of the private key (RFC 8725 section 3.4).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.attacks.jwe_kit import DIR, EC, OKP, RSA, Recipient, ephemeral, group, public_of, seal
from tests.attacks.kit import Case, b64, private_key, unb64

_P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P25519 = 2**255 - 19
_MALFORMED = "encryption_malformed"
_NOT_DECRYPTED = "token_not_decrypted"
# RFC 7748 section 6.1, and other encodings of the first two: the shared secret is zero with any private key.
_SMALL_ORDER: Mapping[str, int] = {
    "zero": 0,
    "one": 1,
    "order-8": 325606250916557431795983626356110631294008115727848805560023387167927233504,
    "other-order-8": 39382357235489614581723060781553021112529911719440698176882885853963445705823,
    "minus-one": _P25519 - 1,
    "p": _P25519,
    "p-plus-one": _P25519 + 1,
    "zero-with-high-bit": 2**255,
}


def cases() -> Iterator[Case]:
    for recipient in (EC, OKP):
        yield from _forms(recipient)
        yield from _parties(recipient)
    yield from _points()
    yield from _small_order()
    yield from _not_agreed()


def _attack(recipient: Recipient, epk: object, name: str, why: str, *, shared: bytes | None = None) -> Case:
    """Return an attack with an ephemeral key that cannot be read."""
    token = seal(recipient, header=recipient.header(epk=epk), shared=shared)
    return group("jwe-epk", recipient, _MALFORMED).reject(f"{recipient.name}-{name}", token, why)


def _bad_point(recipient: Recipient, epk: object, name: str, why: str, *, shared: bytes | None) -> Case:
    """Return an attack with an ephemeral key that is well-formed, and with which nothing may be agreed."""
    return replace(_attack(recipient, epk, name, why, shared=shared), reason=_NOT_DECRYPTED)


def _forms(recipient: Recipient) -> Iterator[Case]:
    good = public_of(ephemeral(recipient))
    x = str(good["x"])
    forms: dict[str, tuple[object, str]] = {
        "missing": (..., "There is no epk."),
        "null": (None, "epk is null."),
        "string": (x, "epk is a string."),
        "array": ([good], "epk is in an array."),
        "empty": ({}, "epk has no members."),
        "without-x": ({name: value for name, value in good.items() if name != "x"}, "epk has no x."),
        "number-as-x": (good | {"x": 9}, "x is a number."),
        "null-as-x": (good | {"x": None}, "x is null."),
        "short-x": (good | {"x": b64(unb64(x)[:31])}, "x has 31 octets."),
        "long-x": (good | {"x": b64(unb64(x) + b"\0")}, "x has 33 octets."),
        "padded-x": (good | {"x": f"{x}="}, "x has padding."),
        "private": (dict(ephemeral(recipient)), "epk has a private key (it must be public, RFC 7518 4.6.1.1)."),
        "algorithm": (good | {"alg": "dir"}, "epk names an algorithm."),
        "key-of-oct": ({"kty": "oct", "k": x}, "epk is a secret."),
        "other-type": (good | {"kty": "RSA"}, "epk has another kty."),
        "other-curve-name": (good | {"crv": "P-384"}, "epk names another curve."),
        "array-as-curve": (good | {"crv": [good["crv"]]}, "crv of epk is an array."),
    }
    for name, (epk, why) in forms.items():
        yield _attack(recipient, epk, name, why)


def _parties(recipient: Recipient) -> Iterator[Case]:
    found = group("jwe-party", recipient, _MALFORMED)
    for name in ("apu", "apv"):
        for form, value in (("number", 1), ("null", None), ("padding", "QQ=="), ("white-space", "Q Q")):
            token = seal(recipient, header=recipient.header(**{name: value}), encrypted_key=bytes(40))
            yield found.reject(f"{recipient.name}-{name}-{form}", token, f"{name} is malformed ({form}).")


def _points() -> Iterator[Case]:
    good = public_of(ephemeral(EC))
    x, y = (int.from_bytes(unb64(str(good[name])), "big") for name in ("x", "y"))
    # The point (x, 0) has the order 2 on some other curve with the same a: an odd private number leaves it as it is.
    order_2 = {"x": x, "y": 0}
    points: dict[str, tuple[dict[str, int], bytes | None, str]] = {
        "off-the-curve": ({"x": x, "y": y ^ 1}, None, "The point is not on the curve."),
        "order-2-on-other-curve": (order_2, x.to_bytes(32, "big"), "A point of small order on another curve."),
        "origin": ({"x": 0, "y": 0}, bytes(32), "The point (0, 0), which some use for infinity."),
        "all-ones": ({"x": 2**256 - 1, "y": 2**256 - 1}, None, "Coordinates over the prime."),
        "x-is-the-prime": ({"x": _P256, "y": y}, None, "x is the prime, which is zero in another spelling."),
    }
    for name, (point, shared, why) in points.items():
        epk = good | {name: b64(value.to_bytes(32, "big")) for name, value in point.items()}
        yield _bad_point(EC, epk, name, why, shared=shared)
    p384 = private_key("ec-p-384")
    yield _attack(EC, public_of(p384), "p-384", "A good point on P-384.")
    yield _attack(EC, public_of(p384) | {"crv": "P-256"}, "p-384-named-p-256", "A point on P-384.")
    yield _attack(EC, public_of(ephemeral(OKP)), "x25519", "A good point on X25519.")
    yield _attack(OKP, good, "p-256", "A good point on P-256.")
    yield _attack(OKP, good | {"crv": "X25519", "kty": "OKP"}, "with-y", "A point with y.")
    other = {"kty": "OKP", "crv": "Ed25519", "x": private_key("ed25519")["x"]}
    yield _attack(OKP, other, "ed25519", "A point on Ed25519.")


def _small_order() -> Iterator[Case]:
    for name, u in _SMALL_ORDER.items():
        epk = {"kty": "OKP", "crv": "X25519", "x": b64(u.to_bytes(32, "little"))}
        yield _bad_point(OKP, epk, name, "A point of small order: the shared secret is zero.", shared=bytes(32))


def _not_agreed() -> Iterator[Case]:
    """Send an ephemeral key to a recipient that agrees on nothing."""
    for recipient in (DIR, RSA):
        found = group("jwe-epk", recipient, _MALFORMED)
        header = recipient.header(epk=public_of(ephemeral(EC)))
        yield found.reject(f"{recipient.name}-epk", seal(recipient, header=header), f"epk with {recipient.alg}.")
        for name in ("apu", "apv"):
            token = seal(recipient, header=recipient.header() | {name: "QQ"})
            yield found.reject(f"{recipient.name}-{name}", token, f"{name} with {recipient.alg}.")
