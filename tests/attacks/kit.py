"""Shared by all attacks: the case, the test keys, and a writer of compact JWS (RFC 7515 section 7.1).

No JWT library is used, and nothing is random: ECDSA nonces follow RFC 6979, and PSS has a fixed salt.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.attacks.big_numbers import Pss

Json = Mapping[str, object]

NOW = 1_700_000_000
ISSUER = "https://issuer.example"
AUDIENCE = "https://api.example"
CLAIMS: Json = {
    "iss": ISSUER,
    "sub": "user-1",
    "aud": AUDIENCE,
    "exp": NOW + 840,
    "iat": NOW - 60,
    "jti": "token-1",
    "client_id": "client-1",
    "scope": "reports:read",
}

PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})  # RFC 7518 section 6

_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # used by attackers, never accepted
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
CURVES: Mapping[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}

_MATERIAL = {  # the key of keys.json for each algorithm
    **{f"HS{bits}": f"oct-{bits}" for bits in (256, 384, 512)},
    **{f"RS{bits}": "rsa" for bits in (256, 384, 512)},
    **{f"PS{bits}": "rsa-pss" for bits in (256, 384, 512)},
    "ES256": "ec-p-256",
    "ES384": "ec-p-384",
    "ES512": "ec-p-521",
    "EdDSA": "ed25519",
    "Ed25519": "ed25519",
}
ALGORITHMS = tuple(_MATERIAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One token and the right answer to it."""

    id: str
    group: str
    layer: str  # "jws", "jwt", "jwk" or "jwe"
    key: Json
    token: str
    reason: str | None  # the reason of its refusal; None if it is accepted
    why: str
    control: str | None  # the accepted case that this one changes; not written to the file
    decryption: Json | None = None  # the private encryption keys of layer "jwe", as a JWK Set


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One class of attacks, with the values that its cases have in common."""

    name: str
    layer: str
    control: str
    key: Json
    reason: str
    decryption: Json | None = None

    def reject(self, name: str, token: str, why: str, **changes: Any) -> Case:
        """Return a case to be refused. *changes* are members of ``Case`` that differ from those of the group."""
        case = Case(
            id=f"{self.name}-{name}",
            group=self.name,
            layer=self.layer,
            key=self.key,
            token=token,
            reason=self.reason,
            why=why,
            control=self.control,
            decryption=self.decryption,
        )
        return replace(case, **changes)

    def accept(self, name: str, token: str, why: str, **changes: Any) -> Case:
        """Return a control: a good token that the attacks change, or that must be accepted despite them."""
        return self.reject(name, token, why, reason=None, control=None, **changes)


@dataclass(frozen=True, slots=True)
class Signer:
    """A private test key, bound to one algorithm and one key ID."""

    alg: str
    kid: str
    private: Mapping[str, str]

    @property
    def public(self) -> dict[str, object]:
        """The JWK for the verifier; for HMAC it has the secret."""
        members = {name: value for name, value in self.private.items() if name not in PRIVATE_MEMBERS}
        return {**members, "alg": self.alg, "kid": self.kid}

    def number(self, member: str) -> int:
        return int.from_bytes(unb64(self.private[member]), "big")

    def sign(self, message: bytes, alg: str | None = None) -> bytes:
        """Sign with *alg*, which need not be the algorithm of the key."""
        alg = alg or self.alg
        name = f"sha{alg[2:]}"
        match alg[:2]:
            case "HS":
                return hmac.digest(unb64(self.private["k"]), message, name)
            case "RS":
                return rsa_key(self).sign(message, padding.PKCS1v15(), _HASHES[name])
            case "PS":
                salt = bytes(range(hashlib.new(name).digest_size))
                return self.rsa_raw(Pss(hash=name, mgf_hash=name, salt=salt).encode(message))
            case "ES":
                return self.ecdsa(message, name)
        return ed25519.Ed25519PrivateKey.from_private_bytes(unb64(self.private["d"])).sign(message)

    def rsa_raw(self, block: bytes) -> bytes:
        """Raise *block* to the private exponent: a signature with any padding."""
        p, q, dp, dq, qi = (self.number(member) for member in ("p", "q", "dp", "dq", "qi"))
        message = int.from_bytes(block, "big")
        half = pow(message, dq, q)
        value = half + q * (qi * (pow(message, dp, p) - half) % p)  # RFC 8017 section 5.1.2, four times as fast
        return value.to_bytes(len(unb64(self.private["n"])), "big")

    def ecdsa(self, message: bytes, name: str) -> bytes:
        """Sign with any hash on the curve of the key. Return r and s, one after the other (RFC 7518 section 3.4)."""
        key = ec.derive_private_key(self.number("d"), CURVES[self.private["crv"]])
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(_HASHES[name], deterministic_signing=True)))
        size = (key.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")


@cache
def _private_keys() -> Mapping[str, Mapping[str, str]]:
    keys: Mapping[str, Mapping[str, str]] = json.loads(Path(__file__).with_name("keys.json").read_text())["keys"]
    return keys


def private_key(name: str) -> Mapping[str, str]:
    """Return the members of a key of keys.json."""
    return _private_keys()[name]


def signer(alg: str, *, kid: str | None = None, material: str | None = None) -> Signer:
    """Return the genuine signer of *alg*, or one with another key ID or another key of keys.json."""
    return Signer(alg, kid or f"{alg.lower()}-1", _private_keys()[material or _MATERIAL[alg]])


def attacker(alg: str, *, kid: str | None = None) -> Signer:
    """Return a signer with the genuine key ID, but another key."""
    return signer(alg, kid=kid, material=f"attacker-{_MATERIAL[alg].removesuffix('-pss')}")


@cache
def _load_rsa(material: tuple[int, ...]) -> rsa.RSAPrivateKey:
    n, e, d, p, q, dp, dq, qi = material
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()


def rsa_key(owner: Signer) -> rsa.RSAPrivateKey:
    """Return the RSA key of *owner*, which is loaded once."""
    return _load_rsa(tuple(owner.number(member) for member in ("n", "e", "d", "p", "q", "dp", "dq", "qi")))


def key_set(*signers: Signer) -> Json:
    """Return the public keys of *signers* as a JWK Set."""
    return {"keys": [one.public for one in signers]}


def b64(value: bytes) -> str:
    """Return *value* in base64url without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Return the value of base64url without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def respelled(text: str) -> str:
    """Set a trailing bit that a lenient decoder ignores: the octets stay the same (RFC 4648 section 3.5)."""
    return text[:-1] + chr(ord(text[-1]) + 1)


def dump(value: object) -> bytes:
    """Return *value* as the shortest JSON, in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def segment(value: Json | bytes) -> str:
    """Return one part of a token: a mapping as JSON, or octets as they are, in base64url."""
    return b64(value if isinstance(value, bytes) else dump(value))


def signing_input(header: Json | bytes, payload: Json | bytes) -> str:
    """Join the two parts that a signature covers (RFC 7515 section 5.1)."""
    return f"{segment(header)}.{segment(payload)}"


def sign_text(text: str, by: Signer, alg: str | None = None) -> str:
    """Append a signature to a signing input, which may be malformed."""
    return f"{text}.{b64(by.sign(text.encode(), alg))}"


def compact(header: Json | bytes, payload: Json | bytes, by: Signer, alg: str | None = None) -> str:
    """Return a token with a good signature by the key of *by*, with any *header*."""
    return sign_text(signing_input(header, payload), by, alg)


def jws_header(by: Signer, **changes: object) -> dict[str, object]:
    """Return the shortest header: ``alg`` and ``kid``."""
    return {"alg": by.alg, "kid": by.kid, **changes}


def jwt_header(by: Signer, **changes: object) -> dict[str, object]:
    """Return the header of an access token (RFC 9068 section 2.1)."""
    return {"alg": by.alg, "kid": by.kid, "typ": "at+jwt", **changes}


def without(members: Json, *names: str) -> dict[str, object]:
    """Return *members* without *names*."""
    return {name: value for name, value in members.items() if name not in names}
