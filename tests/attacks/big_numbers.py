"""Arithmetic for attacks, which no library offers: wrong paddings (RFC 8017) and chosen points.

It has EMSA-PKCS1-v1_5, EMSA-PSS, the NIST curves in affine coordinates and edwards25519 (RFC 8032). It does not run in
constant time, so it is for test keys only. The point at infinity is ``None``.
"""

import hashlib
from dataclasses import dataclass
from typing import cast

Point = tuple[int, int]

DIGEST_INFO = {  # RFC 8017 section 9.2, note 1
    "md5": bytes.fromhex("3020300c06082a864886f70d020505000410"),
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


def digest(name: str, message: bytes) -> bytes:
    """Return the hash of *message*. *name* is that of ``hashlib``."""
    return hashlib.new(name, message).digest()


def digest_info(name: str, message: bytes) -> bytes:
    """Return the hash of *message* after the name of the hash in DER (RFC 8017 section 9.2)."""
    return DIGEST_INFO[name] + digest(name, message)


def mgf1(name: str, seed: bytes, length: int) -> bytes:
    """Stretch *seed* to *length* octets (RFC 8017 appendix B.2.1)."""
    blocks = (digest(name, seed + counter.to_bytes(4, "big")) for counter in range(length))
    mask = b""
    while len(mask) < length:
        mask += next(blocks)
    return mask[:length]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pss:
    """EMSA-PSS for a modulus of 2048 bits (RFC 8017 section 9.1.1), in which every choice can be wrong."""

    hash: str = "sha256"
    mgf_hash: str = "sha256"
    salt: bytes = bytes(range(32))
    padding: int = 0  # the octet that fills PS
    separator: int = 1
    trailer: int = 0xBC

    def encode(self, message: bytes) -> bytes:
        """Return the 256 octets that the private exponent is applied to."""
        hashed = digest(self.hash, bytes(8) + digest(self.hash, message) + self.salt)
        length = 256 - len(hashed) - 1
        filler = bytes([self.padding]) * (length - len(self.salt) - 1)
        block = filler + bytes([self.separator]) + self.salt
        masked = bytes(a ^ b for a, b in zip(block, mgf1(self.mgf_hash, hashed, length), strict=True))
        return bytes([masked[0] & 0x7F]) + masked[1:] + hashed + bytes([self.trailer])


@dataclass(frozen=True, slots=True)
class Curve:
    """A short Weierstrass curve with a = -3 (FIPS 186): its field, its order and its base point."""

    name: str
    size: int  # octets of a coordinate
    p: int
    n: int
    base: Point

    def add(self, left: Point | None, right: Point | None) -> Point | None:
        if left is None or right is None:
            return left or right
        (x1, y1), (x2, y2) = left, right
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, self.p) if x1 == x2 else (y2 - y1) * pow(x2 - x1, -1, self.p)
        x3 = (slope * slope - x1 - x2) % self.p
        return x3, (slope * (x1 - x3) - y1) % self.p

    def multiply(self, scalar: int, point: Point) -> Point | None:
        total: Point | None = None
        addend: Point | None = point
        scalar %= self.n
        while scalar:
            if scalar & 1:
                total = self.add(total, addend)
            addend = self.add(addend, addend)
            scalar >>= 1
        return total

    def smallest_point(self) -> Point:
        """Return the point with the smallest x above zero. Its discrete logarithm is not known."""
        gx, gy = self.base
        b = (gy * gy - gx**3 + 3 * gx) % self.p
        x = 0
        while True:
            x += 1
            square = (x**3 - 3 * x + b) % self.p
            y = pow(square, (self.p + 1) // 4, self.p)  # p is 3 modulo 4 on all three curves
            if y * y % self.p == square:
                return x, y

    def key_for(self, signature: tuple[int, int], nonce_point: Point, hashed: int) -> Point:
        """Return a public key under which *signature* over *hashed* is good, without a private key."""
        r, s = signature
        inverse = pow(r, -1, self.n)
        left = self.multiply(s * inverse, nonce_point)
        return cast("Point", self.add(left, self.multiply(-hashed * inverse, self.base)))


P256 = Curve(
    "P-256",
    32,
    0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
)
P384 = Curve(
    "P-384",
    48,
    2**384 - 2**128 - 2**96 + 2**32 - 1,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    (
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
)
P521 = Curve(
    "P-521",
    66,
    2**521 - 1,
    2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
    (
        int(
            "00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3D"
            "BAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66",
            16,
        ),
        int(
            "011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E66"
            "2C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650",
            16,
        ),
    ),
)

ED_P = 2**255 - 19
ED_L = 2**252 + 27742317777372353535851937790883648493
ED_D = -121665 * pow(121666, -1, ED_P) % ED_P
ED_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)


def ed_add(left: Point, right: Point) -> Point:
    """Add two points of edwards25519; the identity is (0, 1)."""
    (x1, y1), (x2, y2) = left, right
    twist = ED_D * x1 * x2 * y1 * y2 % ED_P
    x3 = (x1 * y2 + x2 * y1) * pow(1 + twist, -1, ED_P)
    y3 = (y1 * y2 + x1 * x2) * pow(1 - twist, -1, ED_P)
    return x3 % ED_P, y3 % ED_P


def ed_multiply(scalar: int, point: Point) -> Point:
    """Multiply a point by a scalar. The scalar is not reduced, since *point* may have any order."""
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = ed_add(total, point)
        point = ed_add(point, point)
        scalar >>= 1
    return total


def ed_encode(point: Point) -> bytes:
    """Return a point as 32 octets (RFC 8032 section 5.1.2)."""
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def ed_hash(*parts: bytes) -> int:
    """Hash to a scalar modulo the order of the base point, as EdDSA does."""
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ED_L


def ed_secret(seed: bytes) -> tuple[int, bytes]:
    """Return the scalar and the prefix of a private key (RFC 8032 section 5.1.5)."""
    hashed = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(hashed[:32], "little") & ~7 & (2**254 - 1) | 2**254
    return scalar, hashed[32:]
