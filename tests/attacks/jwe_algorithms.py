"""Attacks by another ``alg`` or ``enc`` than that of the key (RFC 8725 section 3.1), and by unfit keys.

Each token is really encrypted as its header says, so a reader that believes the header decrypts it.
"""

from collections.abc import Iterator
from dataclasses import replace

from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from tests.attacks.jwe_kit import (
    CONTENT_KEY,
    DIR,
    EC,
    KEY_SET,
    OKP,
    RECIPIENTS,
    RSA,
    VECTOR,
    agree,
    cbc,
    control,
    derive,
    gcm,
    group,
    oaep,
    pkcs1,
    seal,
)
from tests.attacks.kit import Case, b64, private_key, unb64

_LONG_VECTOR = bytes(range(16))


def cases() -> Iterator[Case]:
    yield from (control(recipient) for recipient in RECIPIENTS)
    yield from _management()
    yield from _content()
    yield from _labels()
    yield from _unfit_keys()
    yield from _other_key()


def _management() -> Iterator[Case]:
    """Swap ``alg``."""
    rsa, elliptic, secret = (group("jwe-alg", recipient, "encryption_wrong") for recipient in (RSA, EC, DIR))
    header = RSA.header(alg="RSA-OAEP")
    token = seal(RSA, header=header, encrypted_key=oaep(CONTENT_KEY, RSA, name="sha1"))
    yield rsa.reject("rsa-oaep-sha-1", token, "RSA-OAEP with SHA-1, for a key for RSA-OAEP-256.")
    header = RSA.header(alg="RSA1_5")
    token = seal(RSA, header=header, encrypted_key=pkcs1(CONTENT_KEY, RSA))
    yield rsa.reject("rsa1_5", token, "RSA1_5, which tells an attacker whether its padding was good (RFC 7516 11.5).")
    header = EC.header(alg="ECDH-ES")
    token = seal(EC, header=header, key=derive(agree(EC), "A256GCM", 32, header), encrypted_key=b"")
    yield elliptic.reject("direct-agreement", token, "ECDH-ES without the wrapped key.")
    header = EC.header(alg="ECDH-ES+A128KW")
    wrapped = aes_key_wrap(derive(agree(EC), "ECDH-ES+A128KW", 16, header), CONTENT_KEY)
    yield elliptic.reject(
        "shorter-wrap", seal(EC, header=header, encrypted_key=wrapped), "A key wrapped with 128 bits."
    )
    wrapped = aes_key_wrap(unb64(DIR.private["k"]), CONTENT_KEY)
    token = seal(DIR, header=DIR.header(alg="A256KW"), key=CONTENT_KEY, encrypted_key=wrapped)
    yield secret.reject("wrap-with-secret", token, "A256KW with the secret that is for dir.")
    token = seal(RSA, header=RSA.header(alg="dir"), encrypted_key=b"")
    yield rsa.reject("dir-with-public-key", token, "dir with an RSA key, and a content key that the attacker chose.")
    secret_of_public = seal(EC, header=EC.header(alg="dir"), key=unb64(EC.private["x"]), encrypted_key=b"")
    yield elliptic.reject(
        "dir-with-coordinate", secret_of_public, "dir with a coordinate of the public key as its key."
    )


def _content() -> Iterator[Case]:
    """Swap ``enc``."""
    for recipient in (RSA, OKP, DIR):
        found = group("jwe-enc", recipient, "encryption_wrong")
        key = unb64(DIR.private["k"]) if recipient is DIR else CONTENT_KEY
        for enc, content_key, encrypt, vector in (
            ("A128GCM", key[:16], gcm, VECTOR),
            ("A192GCM", key[:24], gcm, VECTOR),
            ("A128CBC-HS256", key, cbc, _LONG_VECTOR),
            ("A256CBC-HS512", key + key, cbc, _LONG_VECTOR),
        ):
            token = seal(
                recipient,
                header=recipient.header(enc=enc),
                key=content_key,
                encrypt=encrypt,
                vector=vector,
            )
            yield found.reject(
                f"{recipient.name}-{enc.lower()}", token, f"Encrypted with {enc}, for a key for A256GCM."
            )


_LABELS: tuple[tuple[str, object, str], ...] = (
    ("none", "none", "encryption_wrong"),
    ("of-signatures", "HS256", "encryption_wrong"),
    ("upper-case", "DIR", "encryption_wrong"),
    ("empty", "", "encryption_wrong"),
    ("null", None, "encryption_malformed"),
    ("list", ["dir", "A256GCM"], "encryption_malformed"),
    ("missing", ..., "encryption_malformed"),
)


def _labels() -> Iterator[Case]:
    """Write other values into the header, and keep the encryption."""
    for name, value, reason in _LABELS:
        found = group("jwe-label", DIR, reason)
        token = seal(DIR, header=DIR.header(alg=value))
        yield found.reject(f"alg-{name}", token, f"alg is {name}, and the token is encrypted with dir.")
        token = seal(DIR, header=DIR.header(enc=value))
        yield found.reject(f"enc-{name}", token, f"enc is {name}, and the token is encrypted with A256GCM.")
    header, rest = seal(DIR).split(".", 1)
    changed = b64(unb64(header).replace(b"A256GCM", b"A128GCM"))
    found = group("jwe-label", DIR, "encryption_wrong")
    yield found.reject("enc-changed", f"{changed}.{rest}", "enc was changed after the encryption, which covers it.")
    found = group("jwe-label", RSA, "encryption_wrong")
    token = seal(RSA, header=RSA.header(kid=EC.name))
    yield found.reject("kid-of-other-kind", token, "kid names the key of another alg.", decryption=KEY_SET)
    found = group("jwe-label", EC, "encryption_malformed")
    token = seal(EC, header=EC.header(kid=OKP.name))
    yield found.reject("kid-of-other-curve", token, "kid names a key on another curve.", decryption=KEY_SET)


def _unfit_keys() -> Iterator[Case]:
    """Load keys that must not be loaded."""
    secret, rsa, okp = (group("jwe-key", recipient, "key_invalid") for recipient in (DIR, RSA, OKP))
    for size in (16, 31, 33, 64):
        key_set = {"keys": [DIR.jwk | {"k": b64(bytes(range(size)))}]}
        yield secret.reject(f"secret-of-{size}-bytes", seal(DIR), "A secret of the wrong size.", decryption=key_set)
    for name in ("rsa-1024", "rsa-2047"):
        key_set = {"keys": [replace(RSA, private=private_key(name)).jwk]}
        yield rsa.reject(name, seal(RSA), "A key of the wrong size.", decryption=key_set)
    for recipient in (RSA, EC, OKP):
        found = group("jwe-key", recipient, "key_invalid")
        key_set = {"keys": [recipient.public | {"alg": "dir"}]}
        why = "dir with a public key, which would be a secret that everybody knows."
        yield found.reject(f"dir-{recipient.name}", seal(recipient), why, decryption=key_set)
    key_set = {"keys": [OKP.public | {"x": b64(bytes(32))}]}
    yield okp.reject("point-of-small-order", seal(OKP), "An X25519 key of small order.", decryption=key_set)
    key_set = {"keys": [RSA.jwk | {"use": "sig"}]}
    yield rsa.reject("use-sig", seal(RSA), "A key for signatures.", decryption=key_set)
    found = group("jwe-key", RSA, "encryption_key_unknown")
    yield found.reject("public-only", seal(RSA), "A public key decrypts nothing.", decryption={"keys": [RSA.public]})


def _other_key() -> Iterator[Case]:
    """Encrypt with a key that is not the one that kid names."""
    for recipient, material in ((DIR, "oct-256"), (RSA, "rsa"), (EC, "ec-p-256"), (OKP, "ephemeral-x25519")):
        found = group("jwe-other-key", recipient, "token_not_decrypted")
        token = seal(replace(recipient, private=private_key(material)))
        yield found.reject(recipient.name, token, "Encrypted with another key, under the kid of ours.")
