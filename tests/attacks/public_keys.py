"""Attacks by the numbers of a public key: RSA, EC and Ed25519 (RFC 7518 section 6, RFC 8037 section 2)."""

from collections.abc import Iterator

from tests.attacks.big_numbers import (
    ED_BASE,
    ED_L,
    ED_P,
    P256,
    P384,
    P521,
    Curve,
    digest_info,
    ed_encode,
    ed_hash,
    ed_multiply,
)
from tests.attacks.controls import jws_token
from tests.attacks.eddsa import LOW_ORDER, NOT_CANONICAL
from tests.attacks.kit import (
    CLAIMS,
    Case,
    Group,
    b64,
    jws_header,
    respelled,
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


def _octets(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8 or 1, "big"))


def rsa_cases() -> Iterator[Case]:
    group = _group("key-rsa", "RS256")
    for bits in (1024, 2047):
        weak = signer("RS256", kid=f"rsa-{bits}", material=f"rsa-{bits}")
        why = f"An RSA key of {bits} bits (RFC 7518 section 3.3: 2048 or more)."
        yield group.reject(f"{bits}-bits", jws_token(weak), why, key=weak.public)
    weak = signer("RS256", kid="rsa-1024", material="rsa-1024")
    padded = {**weak.public, "n": b64(unb64(weak.private["n"]).rjust(256, b"\0"))}
    why = "An RSA key of 1024 bits, with zeros before its modulus to look like 2048."
    yield group.reject("1024-bits-padded", jws_token(weak), why, key=padded)
    yield from _exponents(group)
    yield from _cube_root(group)
    by = signer("RS256")
    public, token, n = by.public, jws_token(by), by.private["n"]
    for name, key, idea in (
        ("n-missing", without(public, "n"), "n is missing"),
        ("e-missing", without(public, "e"), "e is missing"),
        ("n-padded", {**public, "n": f"{n}=="}, "n is padded (RFC 7518 section 2: Base64urlUInt)"),
        ("n-alphabet", {**public, "n": n.replace("-", "+").replace("_", "/")}, "n is in the alphabet with + and /"),
        ("n-empty", {**public, "n": ""}, "n is empty"),
        ("e-number", {**public, "e": 65537}, "e is a number of JSON"),
    ):
        yield group.reject(name, token, f"An RSA key whose {idea}.", key=key)


def _exponents(group: Group) -> Iterator[Case]:
    by = signer("RS256")
    text = signing_input(jws_header(by), CLAIMS)
    info = digest_info("sha256", text.encode())
    block = b"\0\1" + b"\xff" * (253 - len(info)) + b"\0" + info
    for name, exponent, signature, idea in (
        ("one", 1, block, "one: every padded hash is its own signature"),
        ("zero", 0, block, "zero: everything is raised to one"),
        ("two", 2, by.sign(text.encode()), "even, which no RSA key can have"),
        ("65536", 65536, by.sign(text.encode()), "even, which no RSA key can have"),
        ("huge", by.number("n") - 2, by.sign(text.encode()), "as long as the modulus, so that each check takes long"),
    ):
        key = {**by.public, "e": _octets(exponent)}
        yield group.reject(f"e-{name}", f"{text}.{b64(signature)}", f"The exponent is {idea}.", key=key)


def _cube_root(group: Group) -> Iterator[Case]:
    """Forge without the private key. With exponent 3 this works if the verifier ignores octets after the hash."""
    by = signer("RS256", kid="rs256-e3", material="rsa-e3")
    text = signing_input(jws_header(by), CLAIMS)
    start = b"\0\1" + b"\xff" * 8 + b"\0" + digest_info("sha256", text.encode())
    wanted = int.from_bytes(start.ljust(256, b"\xff"), "big")
    root = 1 << 680
    while (step := (2 * root + wanted // root**2) // 3) < root:
        root = step
    why = "The exponent is 3, and the signature a cube root whose cube begins like a good block (CVE-2006-4339)."
    yield group.reject("e-three", f"{text}.{b64(root.to_bytes(256, 'big'))}", why, key=by.public)


def ec_cases() -> Iterator[Case]:
    for alg, curve in (("ES256", P256), ("ES384", P384), ("ES512", P521)):
        yield from _bad_points(alg, curve)
    for alg, material in (("ES256", "ec-p-384"), ("ES384", "ec-p-256"), ("ES512", "ec-p-384"), ("ES256", "ec-p-521")):
        wrong = signer(alg, material=material)
        why = f"A key for {alg} on {wrong.private['crv']} (RFC 7518 section 3.4)."
        yield _group("key-ec", alg).reject(f"{alg.lower()}-on-{material[3:]}", jws_token(wrong), why, key=wrong.public)
    by = signer("ES256")
    public, token, group = by.public, jws_token(by), _group("key-ec", "ES256")
    x, y = by.private["x"], by.private["y"]
    for name, key, idea in (
        ("crv-missing", without(public, "crv"), "crv is missing"),
        ("crv-lower-case", {**public, "crv": "p-256"}, "crv is in lower case"),
        ("crv-koblitz", {**public, "crv": "secp256k1"}, "crv is the curve of RFC 8812"),
        ("crv-edwards", {**public, "crv": "Ed25519"}, "crv is that of another type"),
        ("y-missing", without(public, "y"), "y is missing"),
        ("x-padded", {**public, "x": f"{x}="}, "x is padded"),
        ("x-short", {**public, "x": b64(unb64(x)[1:])}, "x is one octet short (RFC 7518 section 6.2.1.2)"),
        ("x-long", {**public, "x": b64(b"\0" + unb64(x))}, "x has an octet too many (RFC 7518 section 6.2.1.2)"),
        ("swapped", {**public, "x": y, "y": x}, "x and y have changed places"),
    ):
        yield group.reject(name, token, f"An EC key whose {idea}.", key=key)


def _bad_points(alg: str, curve: Curve) -> Iterator[Case]:
    by, group = signer(alg), _group("key-ec", alg)
    token = jws_token(by)
    x, y = by.number("x"), by.number("y")
    small_x, small_y = curve.smallest_point()
    points = (
        ("off-curve", (x, y ^ 1), "a point beside the curve (RFC 8725 section 3.4, CVE-2015-7940)"),
        ("order-two", (x, 0), "a point of order two on another curve"),
        ("origin", (0, 0), "the origin, as some write infinity"),
        (
            "x-above-field",
            (small_x + curve.p, small_y),
            "a point of the curve, whose x is spelled above the field's prime",
        ),
    )
    for name, point, idea in points:
        left, right = (b64(value.to_bytes(curve.size, "big")) for value in point)
        yield group.reject(
            f"{alg.lower()}-{name}", token, f"The key is {idea}.", key={**by.public, "x": left, "y": right}
        )


def okp_cases() -> Iterator[Case]:
    group = _group("key-okp", "EdDSA")
    for name, text in (*LOW_ORDER, *NOT_CANONICAL):
        key = {**signer("EdDSA").public, "x": b64(bytes.fromhex(text))}
        why = f"The key is a point of low order ({name}), under which anybody signs anything."
        yield group.reject(f"low-order-{name}", _forged(bytes.fromhex(text)), why, key=key)
    for name, y in (("3", 3), ("18", 18)):
        octets = (ED_P + y).to_bytes(32, "little")
        why = f"The key's y is {name} and spelled as {name} plus the field's prime (RFC 8032 section 5.1.3)."
        key = {**signer("EdDSA").public, "x": b64(octets)}
        yield group.reject(f"not-canonical-{name}", "", why, key=key)
    by = signer("EdDSA")
    public, token, x = by.public, jws_token(by), by.private["x"]
    for name, key, idea in (
        ("x-missing", without(public, "x"), "x is missing"),
        ("x-short", {**public, "x": b64(unb64(x)[:31])}, "x is one octet short"),
        ("x-long", {**public, "x": b64(unb64(x) + b"\0")}, "x has an octet too many"),
        ("x-padded", {**public, "x": f"{x}="}, "x is padded"),
        ("x-trailing-bits", {**public, "x": respelled(x)}, "x is spelled with bits that nobody reads"),
        ("crv-missing", without(public, "crv"), "crv is missing"),
        ("crv-x25519", {**public, "crv": "X25519"}, "crv is for key agreement"),
        ("crv-ed448", {**public, "crv": "Ed448"}, "crv is longer than its x"),
        ("crv-p-256", {**public, "crv": "P-256"}, "crv is that of another type"),
    ):
        yield group.reject(name, token, f"An Edwards key whose {idea}.", key=key)


def _forged(key: bytes) -> str:
    """Sign without a private key: search for a challenge that is zero because of the low order of *key*."""
    text = signing_input(jws_header(signer("EdDSA")), CLAIMS)
    answer = 0
    while True:
        answer += 1
        point = ed_encode(ed_multiply(answer, ED_BASE))
        if ed_hash(point, key, text.encode()) % 8 == 0:
            return f"{text}.{b64(point + (answer % ED_L).to_bytes(32, 'little'))}"


def cases() -> Iterator[Case]:
    yield from rsa_cases()
    yield from ec_cases()
    yield from okp_cases()
