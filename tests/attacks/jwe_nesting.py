"""Attacks by the content of a JWE: no signature, an old trick with one, another JWE, another type (RFC 8725 3.3).

Everybody who has a public encryption key can encrypt, so encryption proves nothing about a token.
"""

import hmac
from collections.abc import Iterator

from tests.attacks.confusion import spellings
from tests.attacks.jwe_kit import DIR, EC, INNER, RECIPIENTS, RSA, TOKEN, group, seal
from tests.attacks.kit import (
    CLAIMS,
    Case,
    Signer,
    attacker,
    b64,
    compact,
    dump,
    jws_header,
    jwt_header,
    signing_input,
    unb64,
    without,
)

_CONTENT = "content_not_token"


def cases() -> Iterator[Case]:
    yield from _content_types()
    yield from _no_token()
    yield from _nested()
    yield from _unsigned()
    yield from _confused()
    yield from _other_tokens()


def _content_types() -> Iterator[Case]:
    found = group("jwe-cty", DIR, _CONTENT)
    for name, good in (("lower-case", "jwt"), ("at-jwt", "at+jwt"), ("long", "application/at+jwt")):
        yield found.accept(name, seal(DIR, header=DIR.header(cty=good)), f"cty is written another way ({name}).")
    yield found.accept("no-typ", seal(DIR, header=DIR.header(typ=...)), "There is no typ in the outer header.")
    others: dict[str, object] = {"missing": ..., "empty": "", "jwe": "JWE", "json": "json", "padded": "JWT "}
    for name, value in others.items():
        token = seal(DIR, header=DIR.header(cty=value))
        yield found.reject(name, token, f"cty does not say that a JWT is inside ({name}).")
    found = group("jwe-cty", DIR, "encryption_malformed")
    malformed: dict[str, object] = {"null": None, "number": 1, "list": ["JWT"]}
    for name, value in malformed.items():
        yield found.reject(name, seal(DIR, header=DIR.header(cty=value)), f"cty is no string ({name}).")


def _no_token() -> Iterator[Case]:
    """Encrypt claims, or something else, without a signature (RFC 8725 section 3.3)."""
    for recipient in RECIPIENTS:
        found = group("jwe-plain-claims", recipient, _CONTENT)
        yield found.reject(recipient.name, seal(recipient, dump(CLAIMS)), "Claims that are encrypted, and not signed.")
    found = group("jwe-content", DIR, _CONTENT)
    payload = TOKEN.split(".")[1]
    contents: dict[str, str | bytes] = {
        "empty": "",
        "payload": payload,
        "two-parts": TOKEN.rpartition(".")[0],
        "four-parts": f"{TOKEN}.",
        "zeros": bytes(64),
        "no-ascii": f"{TOKEN}é",
        "only-dots": "..",
        "newline": f"{TOKEN}\n",
        "blank": f" {TOKEN}",
        "scheme": f"Bearer {TOKEN}",
        "reference-token": "ref1_" + "a" * 49,
        "json-serialisation": f'{{"payload":"{payload}"}}',
    }
    for name, content in contents.items():
        yield found.reject(name, seal(DIR, content), f"The content is no token in three parts ({name}).")


def _nested() -> Iterator[Case]:
    found = group("jwe-nested", DIR, _CONTENT)
    twice = seal(DIR)
    yield found.reject("two-deep", seal(DIR, twice), "A JWE in a JWE.")
    yield found.reject("three-deep", seal(DIR, seal(DIR, twice)), "A JWE in a JWE in a JWE.")
    yield found.reject("two-kinds", seal(DIR, seal(EC)), "A JWE for another key in a JWE.", decryption=_BOTH)
    signed = compact(jws_header(INNER, cty="JWT"), twice.encode(), INNER)
    token = seal(DIR, signed)
    yield found.reject("signed-around", token, "A JWE in a JWS in a JWE.", reason="token_malformed")
    signed = compact(jws_header(INNER, cty="JWT"), twice.encode(), INNER)
    why = "A JWE in a JWS: encrypted, then signed."
    yield found.reject("encrypted-then-signed", signed, why, reason="token_malformed")


_BOTH = {"keys": [DIR.jwk, EC.jwk]}


def _unsigned() -> Iterator[Case]:
    found = group("jwe-unsigned", EC, "key_unknown")
    token = f"{signing_input({'alg': 'none', 'typ': 'at+jwt'}, CLAIMS)}."
    yield found.reject("none", seal(EC, token), "alg is none inside.", reason="algorithm_wrong")
    token = f"{signing_input({'alg': 'none', 'kid': INNER.kid, 'typ': 'at+jwt'}, CLAIMS)}."
    yield found.reject("none-with-kid", seal(EC, token), "alg is none inside, with a kid.", reason="algorithm_wrong")
    token = f"{signing_input(jwt_header(INNER), CLAIMS)}."
    yield found.reject("no-signature", seal(EC, token), "The signature is empty.", reason="signature_invalid")
    token = compact(jwt_header(INNER), CLAIMS, attacker("EdDSA"))
    yield found.reject("attacker", seal(EC, token), "Signed by the attacker.", reason="signature_invalid")
    header = jwt_header(INNER, jwk=attacker("EdDSA").public)
    token = compact(header, CLAIMS, attacker("EdDSA"))
    yield found.reject("own-key", seal(EC, token), "The key of the attacker in the inner header.",
                       reason="signature_invalid")  # fmt: skip
    changed = compact(jwt_header(INNER), CLAIMS, INNER).split(".")
    changed[1] = b64(dump({**CLAIMS, "sub": "admin"}))
    yield found.reject("changed", seal(EC, ".".join(changed)), "Changed claims under a good signature.",
                       reason="signature_invalid")  # fmt: skip


def _confused() -> Iterator[Case]:
    """Sign the token inside by HMAC, with the public encryption key as the secret (RFC 8725 section 2.1)."""
    for recipient in (RSA, EC):
        secrets = spellings(Signer(recipient.alg, recipient.name, recipient.private))
        chosen = [name for name in ("spki-pem", "spki-der", "jwk-required-members") if name in secrets]
        for name in chosen:
            for kid, reason in ((INNER.kid, "algorithm_wrong"), (recipient.name, "key_unknown")):
                found = group("jwe-confusion", recipient, reason)
                token = _by_hmac(secrets[name], kid)
                whose = "signing" if kid == INNER.kid else "encryption"
                yield found.reject(
                    f"{recipient.name}-{name}-{whose}",
                    seal(recipient, token),
                    f"HS256 inside, keyed with the public encryption key ({name}), under the kid of the {whose} key.",
                )
    found = group("jwe-confusion", DIR, "key_unknown")
    token = _by_hmac(unb64(DIR.private["k"]), DIR.name)
    yield found.reject("secret", seal(DIR, token), "HS256 inside, keyed with the secret that encrypts.")


def _by_hmac(secret: bytes, kid: str) -> str:
    text = signing_input({"alg": "HS256", "kid": kid, "typ": "at+jwt"}, CLAIMS)
    return f"{text}.{b64(hmac.digest(secret, text.encode(), 'sha256'))}"


def _other_tokens() -> Iterator[Case]:
    """Encrypt tokens that are refused when they come plain."""
    tokens = {
        "expired": (jwt_header(INNER), {**CLAIMS, "exp": 1_600_000_000, "iat": 1_599_999_000}, "token_expired"),
        "id-token": (jwt_header(INNER, typ="JWT"), CLAIMS, "type_wrong"),
        "no-typ": (without(jwt_header(INNER), "typ"), CLAIMS, "type_wrong"),
        "no-kid": (without(jwt_header(INNER), "kid"), CLAIMS, "key_unknown"),
        "other-audience": (jwt_header(INNER), {**CLAIMS, "aud": "https://other.example"}, "audience_wrong"),
        "other-issuer": (jwt_header(INNER), {**CLAIMS, "iss": "https://other.example"}, "issuer_wrong"),
        "bound": (jwt_header(INNER), {**CLAIMS, "cnf": {"jkt": "a"}}, "binding_unproven"),
    }
    for name, (header, claims, reason) in tokens.items():
        found = group("jwe-inside", EC, reason)
        yield found.reject(name, seal(EC, compact(header, claims, INNER)), "It would be refused if it came plain.")
