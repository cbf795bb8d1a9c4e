"""Attacks by the header of a JWE: extensions, names twice, sizes, own keys, repeated claims (RFC 7516 4.1)."""

from collections.abc import Iterator

from tests.attacks.jwe_kit import DIR, EC, INNER, RSA, TOKEN, group, seal
from tests.attacks.kit import AUDIENCE, CLAIMS, ISSUER, Case, b64, compact, dump, jwt_header, without

_MALFORMED = "encryption_malformed"
_LONGEST = 4096  # characters of a header, in base64url


def cases() -> Iterator[Case]:
    yield from _extensions()
    yield from _json()
    yield from _sizes()
    yield from _key_ids()
    yield from _keys_in_header()
    yield from _unknown_members()
    yield from _repeated_claims()


def _deflate(content: bytes) -> bytes:
    """Return DEFLATE with one stored block, which all versions of zlib write alike (RFC 1951 section 3.2.4)."""
    length = len(content).to_bytes(2, "little")
    return b"\1" + length + bytes(octet ^ 0xFF for octet in length) + content


def _extensions() -> Iterator[Case]:
    found = group("jwe-extension", DIR, "header_unsupported")
    token = seal(DIR, _deflate(TOKEN.encode()), header=DIR.header(zip="DEF"))
    yield found.reject("zip", token, "A compressed content (RFC 8725 section 3.6).")
    zips: dict[str, object] = {"null": None, "empty": "", "none": "none", "number": 1}
    for name, value in zips.items():
        yield found.reject(f"zip-{name}", seal(DIR, header=DIR.header(zip=value)), f"zip is {name}.")
    values: dict[str, object] = {
        "known": ["exp"],
        "alg": ["alg"],
        "empty": [],
        "null": None,
        "string": "cty",
        "number": 1,
        "of-lists": [["alg"]],
    }
    for name, value in values.items():
        yield found.reject(f"crit-{name}", seal(DIR, header=DIR.header(crit=value)), f"crit is there ({name}).")


def _json() -> Iterator[Case]:
    found = group("jwe-json", DIR, _MALFORMED)
    text = dump(DIR.header())
    forms = {
        "alg-twice": text[:-1] + b',"alg":"dir"}',
        "alg-twice-first": b'{"alg":"none",' + text[1:],
        "enc-twice": b'{"enc":"A128GCM",' + text[1:],
        "kid-twice": b'{"kid":"other",' + text[1:],
        "zip-twice": b'{"\\u0061lg":"dir",' + text[1:],
        "array": b"[" + text + b"]",
        "string": b'"dir"',
        "null": b"null",
        "empty": b"",
        "two-objects": text + text,
        "cut": text[:-1],
        "nan": text[:-1] + b',"iss":NaN}',
        "comment": text[:-1] + b"/**/}",
        "utf-16": text.decode().encode("utf-16"),
        "bom": b"\xef\xbb\xbf" + text,
        "no-utf-8": text.replace(b"JWT", b"\xff\xfe"),
        "nested": text[:-1] + b',"jwk":' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}",
        "deeply-nested": text[:-1] + b',"x5c":' + b"[" * 1400 + b"]" * 1400 + b"}",
    }
    for name, octets in forms.items():
        yield found.reject(name, seal(DIR, header=octets), f"The header is not one JSON object that all read ({name}).")


def _of_size(size: int) -> bytes:
    """Return a good header that has *size* characters in base64url."""
    length = size * 3 // 4
    empty = dump(DIR.header(x5t=""))
    return dump(DIR.header(x5t="a" * (length - len(empty))))


def _sizes() -> Iterator[Case]:
    found = group("jwe-size", DIR, _MALFORMED)
    yield found.accept("longest", seal(DIR, header=_of_size(_LONGEST)), "The longest header that is read.")
    yield found.reject("longer", seal(DIR, header=_of_size(_LONGEST + 2)), "One character more than is read.")
    yield found.reject("7900", seal(DIR, "", header=_of_size(7900)), "A header of almost all the characters allowed.")
    found = group("jwe-size", DIR, "token_too_large")
    for size in (8000, 8192, 16384):
        yield found.reject(f"{size}", seal(DIR, header=_of_size(size)), f"A header of {size} characters.")
    yield found.reject("content", seal(DIR, "a" * 6000), "A content that makes the token too large.")
    token = seal(EC, header=EC.header(apu="QQ" * 4000), encrypted_key=bytes(40))
    yield group("jwe-size", EC, "token_too_large").reject("apu", token, "A long apu.")


def _key_ids() -> Iterator[Case]:
    found = group("jwe-kid", DIR, "encryption_key_unknown")
    unknown: dict[str, object] = {
        "missing": ...,
        "empty": "",
        "unknown": "other",
        "upper-case": DIR.name.upper(),
        "of-the-signature": INNER.kid,
        "path": "../../dev/null",
        "nul": f"{DIR.name}\0",
        "white-space": f"{DIR.name} ",
        "of-rsa": RSA.name,
    }
    for name, value in unknown.items():
        yield found.reject(name, seal(DIR, header=DIR.header(kid=value)), f"kid names no key of the set ({name}).")
    found = group("jwe-kid", DIR, _MALFORMED)
    malformed: dict[str, object] = {"null": None, "number": 0, "list": [DIR.name], "object": {"kid": DIR.name}}
    for name, value in malformed.items():
        yield found.reject(name, seal(DIR, header=DIR.header(kid=value)), f"kid is no string ({name}).")


def _keys_in_header() -> Iterator[Case]:
    """Bring keys in the header. They are never used, so a token that needs one is refused, and others are not."""
    own = {"kty": "oct", "k": b64(bytes(range(32))), "kid": "own"}
    found = group("jwe-own-key", DIR, "encryption_key_unknown")
    changes: dict[str, object] = {"jwk": own, "jku": "https://attacker.example/jwks", "x5c": ["AA=="]}
    for name, value in changes.items():
        token = seal(DIR, header=DIR.header(kid="own", **{name: value}), key=bytes(range(32)))
        yield found.reject(name, token, f"Encrypted with a key that {name} brings.")
        yield found.accept(f"unused-{name}", seal(DIR, header=DIR.header(**{name: value})), f"{name} is not used.")
    found = group("jwe-own-key", DIR, _MALFORMED)
    for name, value in (("jwk", "own"), ("jku", "file:///etc/passwd"), ("x5u", 1), ("x5c", "AA=="), ("x5t", ["AA"])):
        yield found.reject(f"malformed-{name}", seal(DIR, header=DIR.header(**{name: value})), f"{name} is malformed.")


def _unknown_members() -> Iterator[Case]:
    found = group("jwe-member", DIR, _MALFORMED)
    for name, value in (
        ("p2c", 2**31),
        ("p2s", "AAAA"),
        ("b64", False),
        ("iv", "AAAA"),
        ("tag", "AAAA"),
        ("exp", CLAIMS["exp"]),
        ("scope", "admin"),
        ("ALG", "dir"),
        ("", 1),
    ):
        token = seal(DIR, header=DIR.header(**{name: value}))
        yield found.reject(name or "empty", token, f"The header has {name or 'an empty name'}, which is not known.")


def _repeated_claims() -> Iterator[Case]:
    same = {"iss": ISSUER, "sub": CLAIMS["sub"], "aud": AUDIENCE}
    found = group("jwe-repeated", DIR, "header_claim_differs")
    yield found.accept("same", seal(DIR, header=DIR.header(**same)), "All three claims are repeated.")
    differing: dict[str, tuple[str, object]] = {
        "iss": ("iss", "https://other.example"),
        "iss-slash": ("iss", f"{ISSUER}/"),
        "iss-empty": ("iss", ""),
        "sub": ("sub", "admin"),
        "sub-case": ("sub", str(CLAIMS["sub"]).upper()),
        "aud": ("aud", "https://other.example"),
        "aud-array": ("aud", [AUDIENCE]),
        "aud-wider": ("aud", [AUDIENCE, "https://other.example"]),
        "aud-empty": ("aud", []),
    }
    for name, (claim, value) in differing.items():
        token = seal(DIR, header=DIR.header(**{claim: value}))
        yield found.reject(name, token, f"{claim} in the header is not that of the claims.")
    malformed = group("jwe-repeated", DIR, _MALFORMED)
    for claim, value in (("iss", None), ("sub", 1), ("aud", None), ("aud", [1]), ("aud", {"a": 1})):
        token = seal(DIR, header=DIR.header(**{claim: value}))
        yield malformed.reject(f"{claim}-{type(value).__name__.lower()}", token, f"{claim} in the header is malformed.")
    inside = compact(jwt_header(INNER), without(CLAIMS, "iss"), INNER)
    token = seal(DIR, inside, header=DIR.header(iss=ISSUER))
    yield group("jwe-repeated", DIR, "claim_missing").reject("iss-outside-only", token, "iss is in the header alone.")
