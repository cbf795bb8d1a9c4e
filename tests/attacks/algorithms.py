"""Attacks on ``alg``: no signature, or another algorithm than that of the key (RFC 8725 sections 2.1 and 3.1)."""

from collections.abc import Iterator

from tests.attacks.controls import jws_token
from tests.attacks.kit import (
    CLAIMS,
    Case,
    Group,
    attacker,
    b64,
    compact,
    dump,
    jws_header,
    jwt_header,
    sign_text,
    signer,
    signing_input,
)

_NONE_SPELLINGS = (
    ("plain", "none", "the plain algorithm of RFC 7518 section 3.6, which means no signature (CVE-2022-23540)"),
    ("capitalised", "None", "a capital letter, past a filter that looks for 'none'"),
    ("mixed-case-01", "nOnE", "mixed case, past a filter that looks for 'none' and 'NONE'"),
    ("mixed-case-02", "nonE", "only the last letter in upper case"),
    ("trailing-space", "none ", "a trailing space that a later step strips"),
    ("leading-space", " none", "a leading space that a later step strips"),
    ("trailing-nul", "none\0", "a NUL, where a string of C ends"),
    ("zero-width-space", "no\u200bne", "a zero-width space, for readers that drop what cannot be seen"),
    ("cyrillic", "n\u043ene", "a Cyrillic letter that looks like o"),
    ("full-width", "\uff4e\uff4f\uff4e\uff45", "full-width letters, which NFKC turns into 'none'"),
    ("empty-text", "", "an empty name, for readers that take a falsy algorithm for none"),
    ("with-comma", "none,HS256", "a list in a text, for readers that look for substrings"),
)

_NO_TEXT: tuple[tuple[str, object, str], ...] = (
    ("null", None, "null, for readers that take a missing algorithm for none"),
    ("true", True, "true, which equals every truthy thing in loose comparisons"),
    ("number", 256, "a number"),
    (
        "list-genuine",
        ["HS256"],
        "a list that holds the genuine algorithm, which 'in' or a loose comparison may let through",
    ),
    ("object", {"name": "HS256"}, "an object"),
)


def none_cases() -> Iterator[Case]:
    by = signer("HS256")
    group = Group(name="alg-none", layer="jws", control="control-jws-hs256", key=by.public, reason="algorithm_wrong")
    for name, alg, idea in _NONE_SPELLINGS:
        token = f"{signing_input(jws_header(by, alg=alg), CLAIMS)}."
        yield group.reject(name, token, f"An unsigned token names its algorithm with {idea}.")
    escaped = dump(jws_header(by)).replace(b'"HS256"', b'"n\\u006fne"')
    token = f"{signing_input(escaped, CLAIMS)}."
    yield group.reject("escaped", token, "An unsigned token hides the letters of 'none' in an escape of JSON.")
    yield from _none_with_a_signature(group)
    for alg in ("RS256", "PS256", "ES256", "EdDSA"):
        other = signer(alg)
        token = f"{signing_input(jwt_header(other, alg='none'), CLAIMS)}."
        yield group.reject(
            f"for-{alg.lower()}",
            token,
            f"An unsigned access token names the {alg} key and hopes for 'none' (RFC 8725 section 3.2).",
            layer="jwt",
            key=other.public,
            control=f"control-jwt-{alg.lower()}",
        )


def _none_with_a_signature(group: Group) -> Iterator[Case]:
    by = signer("HS256")
    unsigned = signing_input(jws_header(by, alg="none"), CLAIMS)
    kept = jws_token(by).rsplit(".", 1)[1]
    yield group.reject(
        "genuine-signature-kept", f"{unsigned}.{kept}", "'none' beside the signature of the genuine token."
    )
    yield group.reject(
        "properly-signed",
        sign_text(unsigned, by),
        "'none' under a signature that is good: what the header says counts.",
    )
    foreign = sign_text(unsigned, attacker("HS256"))
    yield group.reject("foreign-signature", foreign, "'none' beside a signature with the attacker's key.")
    yield group.reject(
        "two-parts",
        unsigned,
        "An unsigned token without its last dot, as some libraries once wrote it.",
        reason="token_malformed",
    )


def alg_type_cases() -> Iterator[Case]:
    by = signer("HS256")
    group = Group(name="alg-type", layer="jws", control="control-jws-hs256", key=by.public, reason="token_malformed")
    for name, alg, idea in _NO_TEXT:
        token = compact(jws_header(by, alg=alg), CLAIMS, by)
        yield group.reject(name, token, f"alg is {idea} (RFC 7515 section 4.1.1: a string).")
    token = compact({"kid": by.kid}, CLAIMS, by)
    yield group.reject("absent", token, "alg is missing, which RFC 7515 section 4.1.1 forbids.")
    token = f"{signing_input({'kid': by.kid}, CLAIMS)}."
    yield group.reject("absent-unsigned", token, "alg and the signature are both missing.")
    token = compact({"kid": by.kid, "ALG": by.alg}, CLAIMS, by)
    yield group.reject("upper-case-name", token, "ALG in place of alg, for readers that ignore the case of names.")


_SWAPS = (  # key, header, algorithm of the signature
    ("HS256", "HS512"),
    ("HS512", "HS256"),
    ("RS256", "RS512"),
    ("RS512", "RS256"),
    ("RS256", "PS256"),
    ("PS256", "RS256"),
    ("PS512", "PS256"),
    ("ES256", "ES384"),
    ("ES256", "ES512"),
    ("ES384", "ES256"),
    ("ES512", "ES256"),
    ("EdDSA", "Ed25519"),
    ("Ed25519", "EdDSA"),
)

_LABELS = (  # key, header; the key made the signature, so only the label is wrong
    ("ES256", "ES256K", "the curve of RFC 8812"),
    ("ES256", "ESP256", "the fully specified name of RFC 9864"),
    ("EdDSA", "Ed448", "the other curve of RFC 8037"),
    ("EdDSA", "eddsa", "the right name in lower case (RFC 7515 section 4.1.1: case-sensitive)"),
    ("RS256", "rs256", "the right name in lower case"),
    ("RS256", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "the name of XML Signature (RFC 7518 appendix A.1)"),
    ("RS256", "RSA1_5", "an encryption algorithm for the same key"),
    ("ES256", "ECDH-ES", "a key agreement for the same key"),
    ("HS256", "hs256", "the right name in lower case"),
    ("HS256", "HS256 ", "the right name and a space"),
    ("HS256", "HS256\0", "the right name and a NUL"),
    ("HS256", "\uff28\uff33256", "full-width letters, which NFKC turns into the right name"),
    ("HS256", "HS\u0662\u0665\u0666", "Arabic digits, which int() reads as 256"),
    ("HS256", "dir", "direct encryption with the same key"),
    ("HS256", "HS", "a prefix of the right name"),
)


def swap_cases() -> Iterator[Case]:
    for key, header in _SWAPS:
        by = signer(key)
        signed = "sha512" if header == "ES512" else f"sha{header[2:]}"
        text = signing_input(jws_header(by, alg=header), CLAIMS)
        signature = by.ecdsa(text.encode(), signed) if key.startswith("ES") else by.sign(text.encode(), header)
        yield _swapped(key).reject(
            f"{key.lower()}-to-{header.lower()}",
            f"{text}.{b64(signature)}",
            f"A correct {header} signature, made with the key that is for {key} alone (RFC 8725 section 3.1).",
        )


def label_cases() -> Iterator[Case]:
    for number, (key, header, idea) in enumerate(_LABELS):
        by = signer(key)
        token = compact(jws_header(by, alg=header), CLAIMS, by)
        name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in header).strip("-").lower()
        yield _swapped(key).reject(
            f"label-{number:02}-{key.lower()}-as-{name[-24:].strip('-')}",
            token,
            f"A good {key} signature under {idea}; whoever knows only the key's algorithm has to say no.",
        )
    sha1 = signer("RS256")
    text = signing_input(jws_header(sha1, alg="RS1"), CLAIMS)
    yield _swapped("RS256").reject(
        "rs1",
        sign_text(text, sha1, "RS1"),
        "A correct PKCS#1 signature with SHA-1, under the name that WebAuthn gave it.",
    )
    text = signing_input(jws_header(signer("HS256"), alg="HS1"), CLAIMS)
    yield _swapped("HS256").reject("hs1", sign_text(text, signer("HS256"), "HS1"), "A correct HMAC with SHA-1.")


def _swapped(alg: str) -> Group:
    return Group(
        name="alg-swap",
        layer="jws",
        control=f"control-jws-{alg.lower()}",
        key=signer(alg).public,
        reason="algorithm_wrong",
    )


def cases() -> Iterator[Case]:
    yield from none_cases()
    yield from alg_type_cases()
    yield from swap_cases()
    yield from label_cases()
