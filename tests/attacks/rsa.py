"""Attacks on RSA signatures (RFC 8017): numbers out of range, and paddings that a careless parser accepts."""

from collections.abc import Iterator

from tests.attacks.big_numbers import DIGEST_INFO, Pss, digest, digest_info
from tests.attacks.controls import jws_token
from tests.attacks.kit import CLAIMS, Case, Group, attacker, b64, jws_header, signer, signing_input, unb64

_SIZE = 256  # octets of the modulus


def _group(alg: str) -> Group:
    return Group(
        name="rsa",
        layer="jws",
        control=f"control-jws-{alg.lower()}",
        key=signer(alg).public,
        reason="signature_invalid",
    )


def cases() -> Iterator[Case]:
    for alg in ("RS256", "PS256"):
        yield from _numbers(alg)
        yield from _second_spellings(alg)
    yield from _paddings()
    yield from _long_hashes()
    yield from _salts()
    yield from _relatives()


def _numbers(alg: str) -> Iterator[Case]:
    by = signer(alg)
    text, signature = jws_token(by).rsplit(".", 1)
    good, n = unb64(signature), by.number("n")
    for name, value, idea in (
        ("zero", bytes(_SIZE), "the number zero, which stays zero"),
        ("one", (1).to_bytes(_SIZE, "big"), "the number one, which stays one"),
        ("minus-one", (n - 1).to_bytes(_SIZE, "big"), "the modulus less one, which stays itself"),
        ("modulus", n.to_bytes(_SIZE, "big"), "the modulus, zero to whoever reduces it"),
        ("one-short", good[:-1], "one octet short"),
        ("one-long", good + b"\0", "followed by a zero octet"),
        ("leading-zero", b"\0" + good, "preceded by a zero octet (RFC 8017 section 8.2.2 step 1)"),
        ("foreign-key", attacker(alg).sign(text.encode()), "made with another key of the same size"),
    ):
        yield _group(alg).reject(f"{alg.lower()}-{name}", f"{text}.{b64(value)}", f"{alg}: the signature is {idea}.")


def _second_spellings(alg: str) -> Iterator[Case]:
    """Search for good signatures that a lenient verifier would accept in a second encoding."""
    by, zero, small = signer(alg), "", ""
    room = (1 << 8 * _SIZE) - by.number("n")
    number = 1  # the control is number 1
    while not (zero and small):
        number += 1
        text = signing_input(jws_header(by), {**CLAIMS, "jti": f"token-{number}"})
        signature = by.sign(text.encode())
        if signature[0] == 0:
            zero = zero or f"{text}.{b64(signature)}"
        elif int.from_bytes(signature, "big") < room:
            small = small or f"{text}.{b64(signature)}"
    for name, token in (("zero-octet", zero), ("small-number", small)):
        why = f"{alg}: no attack, a good signature that happens to begin with a {name.replace('-', ' ')}."
        yield _group(alg).accept(f"{alg.lower()}-{name}-control", token, why)
    text, signature_text = zero.rsplit(".", 1)
    yield _group(alg).reject(
        f"{alg.lower()}-zero-stripped",
        f"{text}.{b64(unb64(signature_text)[1:])}",
        f"{alg}: the leading zero octet of a good signature is stripped (RFC 8017 sections 8.1.2 and 8.2.2, step 1).",
        control=f"rsa-{alg.lower()}-zero-octet-control",
    )
    text, signature_text = small.rsplit(".", 1)
    larger = int.from_bytes(unb64(signature_text), "big") + by.number("n")
    yield _group(alg).reject(
        f"{alg.lower()}-plus-modulus",
        f"{text}.{b64(larger.to_bytes(_SIZE, 'big'))}",
        f"{alg}: the modulus is added to a good signature, which must be below it (RFC 8017 section 5.2.2).",
        control=f"rsa-{alg.lower()}-small-number-control",
    )


def _block(
    info: bytes, *, kind: int = 1, padding: bytes | None = None, separator: bytes = b"\0", tail: bytes = b""
) -> bytes:
    """Return EMSA-PKCS1-v1_5, 00 01 FF ... FF 00 DigestInfo, in which every part can be wrong."""
    length = _SIZE - 2 - len(separator) - len(info) - len(tail)
    filler = b"\xff" * length if padding is None else padding
    return bytes([0, kind]) + filler + separator + info + tail


def _paddings() -> Iterator[Case]:
    by = signer("RS256")
    text = signing_input(jws_header(by), CLAIMS)
    message = text.encode()
    info, bare = digest_info("sha256", message), digest("sha256", message)
    room = _SIZE - 3 - len(info)
    short, rest = b"\xff" * 8, bytes(room - 8)
    without_null = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + bare
    long_length = bytes.fromhex("308131") + info[2:]
    swollen = bytes.fromhex("3081bb3081960609608648016503040201058188") + bytes(136) + b"\x04\x20" + bare
    blocks = (
        (
            "garbage-after",
            _block(info, padding=short, tail=rest),
            "followed by garbage (Bleichenbacher, CVE-2006-4339)",
        ),
        ("no-padding", _block(info, padding=b"", tail=bytes(room)), "without any FF, followed by zeros"),
        ("right-aligned", _block(info, kind=0, padding=bytes(room)), "right-aligned after nothing but zeros"),
        ("kind-2", _block(info, kind=2), "in a block for encryption"),
        ("padding-fe", _block(info, padding=b"\xfe" + b"\xff" * (room - 1)), "after padding with one wrong octet"),
        ("no-separator", _block(info, separator=b""), "not separated from its padding"),
        ("bare-hash", _block(bare), "replaced by the bare hash, as TLS 1.1 has it"),
        ("without-null", _block(without_null), "without the NULL that RFC 8017 section 9.2 asks for"),
        ("ber-length", _block(long_length), "in BER with a longer length than needed (CVE-2014-1568)"),
        ("parameters", _block(swollen), "with 136 octets of free choice as parameters (CVE-2022-24771)"),
        ("digest-sha512", _block(DIGEST_INFO["sha512"] + digest("sha512", message)), "of SHA-512"),
        ("digest-sha1", _block(digest_info("sha1", message)), "of SHA-1"),
        ("digest-mislabelled", _block(DIGEST_INFO["sha384"] + bare), "that says SHA-384 and holds SHA-256"),
    )
    for name, block, idea in blocks:
        signature = b64(by.rsa_raw(block))
        why = f"RS256: the padding holds a DigestInfo {idea}."
        yield _group("RS256").reject(f"rs256-{name}", f"{text}.{signature}", why)


def _long_hashes() -> Iterator[Case]:
    for alg in ("RS384", "RS512"):
        by = signer(alg)
        text = signing_input(jws_header(by), CLAIMS)
        why = f"{alg}: hashed with SHA-256 in place of the longer hash."
        yield _group(alg).reject(f"{alg.lower()}-digest-sha256", f"{text}.{b64(by.sign(text.encode(), 'RS256'))}", why)


def _salts() -> Iterator[Case]:
    by = signer("PS256")
    text = signing_input(jws_header(by), CLAIMS)
    variants = (
        ("salt-empty", Pss(salt=b""), "the salt is empty (RFC 7518 section 3.5: as long as the hash)"),
        ("salt-20", Pss(salt=bytes(20)), "the salt has 20 octets, the default of RFC 8017"),
        ("salt-33", Pss(salt=bytes(33)), "the salt is one octet long"),
        ("salt-maximal", Pss(salt=bytes(222)), "the salt fills the block, the default of OpenSSL"),
        ("mgf-sha1", Pss(mgf_hash="sha1"), "the mask is made with SHA-1, the default of RFC 8017"),
        ("hash-sha1", Pss(hash="sha1"), "the message is hashed with SHA-1"),
        ("trailer", Pss(trailer=0xCC), "the last octet is that of ISO 9796-2"),
        ("separator", Pss(separator=2), "the salt is not preceded by 01"),
        ("padding", Pss(padding=0xFF), "the padding is not zero"),
    )
    for name, pss, idea in variants:
        signature = b64(by.rsa_raw(pss.encode(text.encode())))
        yield _group("PS256").reject(f"ps256-{name}", f"{text}.{signature}", f"PS256: {idea}.")
    for alg, other in (("PS384", "PS256"), ("PS512", "PS256")):
        big = signer(alg)
        text = signing_input(jws_header(big), CLAIMS)
        why = f"{alg}: everything is made with SHA-256."
        yield _group(alg).reject(f"{alg.lower()}-all-sha256", f"{text}.{b64(big.sign(text.encode(), other))}", why)


def _relatives() -> Iterator[Case]:
    for alg in ("RS256", "RS512", "PS256", "PS512"):
        by = signer(alg)
        other = ("PS" if alg.startswith("RS") else "RS") + alg[2:]
        text = signing_input(jws_header(by), CLAIMS)
        why = f"The header says {alg} and the signature is {other}, for readers to whom RSA is RSA."
        yield _group(alg).reject(
            f"{alg.lower()}-is-{other.lower()}", f"{text}.{b64(by.sign(text.encode(), other))}", why
        )
