"""A target for the fuzzer atheris: for any input, the core raises refusals and no other exception.

``python tests/core/tokens/fuzz_core.py -max_total_time=120`` runs it for two minutes.
"""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from flask_tokenauth.authentication.credentials import find_token
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.errors import InvalidKey, Refusal
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.keys.encryption_loading import load_encryption_keys
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.keys.loading import load_keys
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.core.tokens import jwe, jws
from flask_tokenauth.core.tokens.claims import ClaimsPolicy
from flask_tokenauth.core.tokens.verifier import Verifier

NOW = 1_700_000_000.0
KEY = Key.from_secret(bytes(range(32)), kid="k1")
RSA = Key.generate("RS256", kid="k1")
ENCRYPTION_KEYS = EncryptionKeys(
    EncryptionKey.generate(alg, curve=curve, kid=f"{alg}-{curve}")
    for alg, curve in (("dir", None), ("RSA-OAEP-256", None), ("ECDH-ES+A256KW", "P-256"), ("ECDH-ES+A256KW", "X25519"))
)
POLICY = ClaimsPolicy(issuer="i", audience=frozenset({"a"}), required=frozenset({"exp", "sub"}))


def fuzz(data: bytes) -> None:
    """Give *data* to one of the readers. Its first byte chooses the reader and the form of the input."""
    choice, rest = data[:1], data[1:]
    with contextlib.suppress(TokenError):
        if choice < b"\x20":  # as the whole token
            Verifier(KeySet([KEY]), POLICY).verify(rest.decode("latin-1"), now=NOW)
        elif choice < b"\x40":  # as an encrypted token
            jwe.open_token(rest.decode("latin-1"), ENCRYPTION_KEYS)
        elif choice < b"\x60":  # as the header of an encrypted token, and the rest of it
            header, _, others = rest.partition(b"\x00")
            jwe.open_token(f"{base64url.encode(header).decode()}.{others.decode('latin-1')}", ENCRYPTION_KEYS)
        elif choice < b"\x80":  # as the header of a token with a good signature
            header, _, payload = rest.partition(b"\x00")
            Verifier(KeySet([KEY]), POLICY).verify(_signed(header, payload), now=NOW)
        elif choice < b"\xb0":  # as the claims of such a token
            Verifier(KeySet([KEY]), POLICY).verify(jws.sign(rest, KEY, typ="at+jwt"), now=NOW)
        elif choice < b"\xc0":  # as a signature
            token = jws.sign(b"{}", RSA)
            jws.verify(token[: token.rindex(".") + 1] + base64url.encode(rest).decode(), KeySet([RSA]))
    with contextlib.suppress(Refusal):
        if b"\xc0" <= choice < b"\xd0":  # as an Authorization header
            find_token("Bearer" + rest.decode("latin-1"), max_bytes=100)
    with contextlib.suppress(InvalidKey):
        if b"\xd0" <= choice < b"\xe8":  # as a key set
            load_keys("-----BEGIN " + rest.decode("latin-1"))
        elif b"\xe8" <= choice < b"\xf4":
            load_keys([_read_jwk(rest)])
        elif choice >= b"\xf4":
            load_encryption_keys([_read_jwk(rest)])


def _signed(header: bytes, payload: bytes) -> str:
    message = base64url.encode(header) + b"." + base64url.encode(payload)
    return (message + b"." + base64url.encode(KEY.sign(message))).decode()


def _read_jwk(data: bytes) -> dict[str, object]:
    """Read lines of names and values as a JWK: random bytes are seldom JSON."""
    lines = (line.partition(b"=") for line in data.split(b"\n"))
    return {name.decode("latin-1"): value.decode("latin-1") for name, _, value in lines}


def _encrypted() -> Iterator[bytes]:
    """Return seeds: good encrypted tokens, whole, and with the header in JSON."""
    for key in ENCRYPTION_KEYS:
        token = jwe.encrypt(jws.sign(CLAIMS, KEY, typ="at+jwt"), key, typ="at+jwt").encode()
        header, _, rest = token.partition(b".")
        yield b"\x20" + token
        yield b"\x40" + base64url.decode(header) + b"\x00" + rest


CLAIMS = b'{"iss": "i", "aud": ["a"], "sub": "alice", "exp": 1700000060, "iat": 1.7e9, "scope": "a b", "x": [null]}'
SEEDS = (
    b"",
    b"\x00" + jws.sign(CLAIMS, KEY, typ="at+jwt").encode(),
    b"\x00garbage",
    b'\x60{"alg":"HS256","kid":"k1","typ":"at+jwt","x5c":["AA"],"b64":true}\x00' + CLAIMS,
    b"\x60{",
    b"\x20....",
    b"\x40{}\x00...",
    *_encrypted(),
    b"\x80" + CLAIMS,
    b"\xb0" + b"\x00" * 256,
    b"\xc0 token",
    b"\xc0,",
    b"\xd0PRIVATE KEY-----",
    b"\xe8kty=oct\nalg=HS256\nk=AAAA",
    b"\xf4kty=oct\nalg=dir\nuse=enc\nkid=a\nk=AAAA",
    b"\xf4kty=OKP\nalg=ECDH-ES+A256KW\nuse=enc\nkid=a\ncrv=X25519\nx=11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    b"\xe8kty=OKP\ncrv=Ed25519\nx=11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
)


def main() -> None:  # pragma: no cover
    """Fuzz until the limit of the command line, or until an exception that is not a refusal."""
    import atheris  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.instrument_all()
        atheris.Setup([*sys.argv, corpus], fuzz)
        atheris.Fuzz()


if __name__ == "__main__":  # pragma: no cover
    main()
