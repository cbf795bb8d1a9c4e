"""Attacks by the parts of a JWE: tags and vectors of other lengths, encrypted keys, other spellings (RFC 7516 5.2)."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from tests.attacks.jwe_kit import CONTENT_KEY, DIR, EC, RECIPIENTS, RSA, agree, derive, group, oaep, seal
from tests.attacks.kit import Case, b64, respelled, unb64

_MALFORMED = "encryption_malformed"
_NOT_DECRYPTED = "token_not_decrypted"
_NAMES = ("header", "encrypted-key", "vector", "ciphertext", "tag")


def cases() -> Iterator[Case]:
    yield from _tags()
    yield from _vectors()
    yield from _encrypted_keys()
    yield from _content_keys()
    yield from _shapes()
    for recipient in RECIPIENTS:
        yield from _flips(recipient.name)
    yield from _spellings()


def _tags() -> Iterator[Case]:
    found = group("jwe-tag", DIR, _MALFORMED)
    for length in (0, 1, 4, 8, 12, 15):
        token = seal(DIR, tag=lambda tag, length=length: tag[:length])  # type: ignore[misc]  # a default binds it
        yield found.reject(f"of-{length}-octets", token, f"A tag cut to {length} octets.")
    yield found.reject("of-17-octets", seal(DIR, tag=lambda tag: tag + b"\0"), "A tag with one octet more.")
    zeros = group("jwe-tag", DIR, _NOT_DECRYPTED)
    yield zeros.reject("of-zeros", seal(DIR, tag=lambda tag: bytes(len(tag))), "A tag of zeros.")


def _vectors() -> Iterator[Case]:
    found = group("jwe-vector", DIR, _MALFORMED)
    for length in (8, 11, 13, 16, 32):
        token = seal(DIR, vector=bytes(range(length)))
        yield found.reject(f"of-{length}-octets", token, f"Encrypted with a vector of {length} octets (RFC 7518 5.3).")
    header, key, _, *rest = seal(DIR).split(".")
    yield found.reject("empty", ".".join((header, key, "", *rest)), "The vector is empty.")


def _encrypted_keys() -> Iterator[Case]:
    found = group("jwe-encrypted-key", DIR, _MALFORMED)
    for length in (1, 32, 40, 256):
        token = seal(DIR, encrypted_key=bytes(length))
        yield found.reject(f"dir-with-{length}-octets", token, "dir with an encrypted key (RFC 7516 section 5.2, 10).")
    found = group("jwe-encrypted-key", RSA, _MALFORMED)
    good = oaep(CONTENT_KEY, RSA)
    for name, key in (("empty", b""), ("short", good[:-1]), ("long", good + b"\0"), ("leading-zero", b"\0" + good)):
        yield found.reject(f"rsa-{name}", seal(RSA, encrypted_key=key), f"An encrypted key of the wrong size ({name}).")
    found = group("jwe-encrypted-key", RSA, _NOT_DECRYPTED)
    modulus = unb64(RSA.private["n"])
    blocks = {"modulus": modulus, "zero": bytes(256), "one": bytes(255) + b"\1", "all-ones": b"\xff" * 256}
    for name, key in blocks.items():
        yield found.reject(f"rsa-{name}", seal(RSA, encrypted_key=key), f"The number {name} as the encrypted key.")
    found = group("jwe-encrypted-key", EC, _MALFORMED)
    for length in (0, 24, 32, 39, 41, 48):
        yield found.reject(f"ec-{length}-octets", seal(EC, encrypted_key=bytes(length)), "A wrapped key of wrong size.")
    found = group("jwe-encrypted-key", EC, _NOT_DECRYPTED)
    yield found.reject("ec-zeros", seal(EC, encrypted_key=bytes(40)), "A wrapped key of zeros.")


def _content_keys() -> Iterator[Case]:
    """Encrypt content keys of another size than A256GCM has."""
    found = group("jwe-content-key", RSA, _NOT_DECRYPTED)
    for size in (16, 24):
        token = seal(RSA, key=CONTENT_KEY[:size])
        yield found.reject(f"rsa-{size}-octets", token, f"A content key of {size} octets under A256GCM.")
    token = seal(RSA, encrypted_key=oaep(b"", RSA))
    yield found.reject("rsa-empty", token, "A content key without octets.")
    found = group("jwe-content-key", EC, _MALFORMED)
    for size in (16, 24):
        yield found.reject(f"ec-{size}-octets", seal(EC, key=CONTENT_KEY[:size]), f"A content key of {size} octets.")
    header = EC.header()
    wrapped = aes_key_wrap(derive(agree(EC), EC.alg, 32, header), CONTENT_KEY + bytes(8))
    yield found.reject("ec-40-octets", seal(EC, header=header, encrypted_key=wrapped), "A content key of 40 octets.")


def _shapes() -> Iterator[Case]:
    good = seal(DIR)
    header, key, vector, ciphertext, tag = good.split(".")
    found = group("jwe-shape", DIR, "token_malformed")  # not five parts: it is read as a JWS
    yield found.reject("four-parts", ".".join((header, vector, ciphertext, tag)), "No part for the encrypted key.")
    yield found.reject("six-parts", f"{good}.", "A sixth part.")
    yield found.reject("six-parts-before", f".{good}", "An empty part before the header.")
    yield found.reject("two-tokens", f"{good},{good}", "Two tokens with a comma between them.")
    yield found.reject("json", f'{{"protected":"{header}"}}', "The JSON serialisation (RFC 7516 section 7.2).")
    found = group("jwe-shape", DIR, _MALFORMED)
    yield found.reject("only-dots", "....", "Five empty parts.")
    yield found.reject("no-header", f".{key}.{vector}.{ciphertext}.{tag}", "An empty header.")
    yield found.reject("scheme", f"Bearer {good}", "The scheme of the header as well.")
    found = group("jwe-shape", DIR, _NOT_DECRYPTED)
    yield found.reject("no-ciphertext", f"{header}.{key}.{vector}..{tag}", "An empty ciphertext with a tag.")
    yield found.reject("cut-ciphertext", f"{header}.{key}.{vector}.{ciphertext[:-4]}.{tag}", "A cut ciphertext.")
    moved = b64(unb64(ciphertext)[:-16]), b64(unb64(ciphertext)[-16:])
    yield found.reject("ciphertext-as-tag", f"{header}.{key}.{vector}.{moved[0]}.{moved[1]}", "A part as the tag.")


def _flips(name: str) -> Iterator[Case]:
    """Change one bit of each part except the header."""
    recipient = next(one for one in RECIPIENTS if one.name == name)
    found = group("jwe-flip", recipient, _NOT_DECRYPTED)
    for place in range(1, 5):
        parts = seal(recipient).split(".")
        octets = bytearray(unb64(parts[place]))
        if octets:
            octets[-1] ^= 1
            parts[place] = b64(bytes(octets))
            yield found.reject(f"{name}-{_NAMES[place]}", ".".join(parts), f"One bit of the {_NAMES[place]} changed.")


def _spellings() -> Iterator[Case]:
    found = group("jwe-spelling", EC, _MALFORMED)
    good = seal(EC).split(".")
    for place, name in enumerate(_NAMES):
        part = good[place]
        forms = {
            "padding": part + "=" * (-len(part) % 4 or 4),
            "white-space": part[:4] + " " + part[4:],
            "newline": part + "\n",
            "base64": part[:4] + "+/" + part[6:],
        } | ({} if len(part) % 4 == 0 else {"trailing-bits": respelled(part)})
        for form, changed in forms.items():
            token = ".".join((*good[:place], changed, *good[place + 1 :]))
            yield found.reject(f"{name}-{form}", token, f"Another spelling of the {name} ({form}).")
    token = ".".join((*good[:3], good[3] + "é", good[4]))
    yield found.reject("no-ascii", token, "A letter outside ASCII.")
