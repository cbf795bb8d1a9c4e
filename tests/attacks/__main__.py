"""Write tests/vectors/attacks.json: attacks on JWT and JWS, each with the expected refusal.

Run ``python -m tests.attacks`` at the top of the project. Every run writes the same file: all keys are in keys.json,
ECDSA nonces follow RFC 6979, PSS has a fixed salt, and times are fixed. Only ``cryptography`` and the standard library
are used, and no JWT library, so that no mistake of one is copied. The cases are in the other modules of this folder.

Policy at layer "jwt": issuer, audience and time as in ``kit``, leeway 10 s, lifetime at most 86400 s, at most 8000
characters, typ "at+jwt"; iss, aud, exp, iat, jti and sub required.

At layer "jwe" an encrypted token is opened with the private keys in "decryption", and the token inside is judged as at
layer "jwt". A token that is not encrypted is judged at once: only its keys can refuse it.
"""

import json
from pathlib import Path

from tests.attacks import (
    algorithms,
    claim_texts,
    claims,
    confusion,
    controls,
    ecdsa,
    eddsa,
    header,
    hmac_forms,
    json_forms,
    jwe_agreement,
    jwe_algorithms,
    jwe_headers,
    jwe_nesting,
    jwe_parts,
    jwk,
    kid,
    public_keys,
    rsa,
    text,
)
from tests.attacks.kit import Case

TARGET = Path(__file__).parent.parent / "vectors" / "attacks.json"

_MODULES = (
    algorithms,
    claim_texts,
    claims,
    confusion,
    controls,
    ecdsa,
    eddsa,
    header,
    hmac_forms,
    json_forms,
    jwe_agreement,
    jwe_algorithms,
    jwe_headers,
    jwe_nesting,
    jwe_parts,
    jwk,
    kid,
    public_keys,
    rsa,
    text,
)


def collect() -> list[Case]:
    """Return all cases, sorted by ID."""
    return sorted((case for module in _MODULES for case in module.cases()), key=lambda case: case.id)


def write() -> str:
    """Return the content of attacks.json."""
    return json.dumps({"schema": 1, "cases": [_written(case) for case in collect()]}, indent=1) + "\n"


def _written(case: Case) -> dict[str, object]:
    """Return the members of a case in the file."""
    members: dict[str, object] = {
        "id": case.id,
        "group": case.group,
        "layer": case.layer,
        "key": case.key,
        "token": case.token,
        "expect": "accept" if case.reason is None else "reject",
        "reason": case.reason,
        "why": case.why,
    }
    return members if case.decryption is None else members | {"decryption": case.decryption}


if __name__ == "__main__":  # pragma: no cover
    TARGET.write_text(write())
