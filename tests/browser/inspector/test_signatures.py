"""Signatures that the page checks with WebCrypto: the examples of RFCs, every algorithm, and every flipped bit."""

import json
import re
from typing import Any

import pytest

from flask_tokenauth.core import Key
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.keys.algorithms import ALGORITHMS
from flask_tokenauth.core.tokens import jws

from ..kit import SKIPPED
from .conftest import Inspector, read_vectors

pytestmark = SKIPPED

# Cases about a list of allowed algorithms are left out: the page has no such list.
EXAMPLES = [case for case in read_vectors() if case["layer"] == "jws" and not case["id"].endswith("-alglist")]
GOOD = [case for case in EXAMPLES if case["expect"] == "accept"]
ALTERED = [case for case in EXAMPLES if case["expect"] == "reject"]

# Flips each bit of each part, one after the other, and returns how many tokens there were, and which were verified.
FLIP = """async ([token, key]) => {
    const verified = [];
    let count = 0;
    const parts = token.split(".");
    for (const [index, part] of parts.entries()) {
        const bytes = decodeBase64url(part);
        for (let bit = 0; bit < bytes.length * 8; bit += 1) {
            const changed = bytes.slice();
            changed[bit >> 3] ^= 1 << (bit & 7);
            const text = parts.with(index, encodeBase64url(changed)).join(".");
            count += 1;
            if ((await checkSignature(readToken(text), key)).state === "verified") verified.push([index, bit]);
        }
    }
    return {count, verified};
}"""

STATES = """async (cases) => {
    const states = {};
    for (const [name, token, key] of cases) states[name] = (await checkSignature(readToken(token), key)).state;
    return states;
}"""


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case["id"])
def test_an_example_of_an_rfc_verifies(inspector: Inspector, case: dict[str, Any]) -> None:
    inspector.show(case["token"], case["key"])

    assert inspector.signature()[0] == "Verified"


def test_no_altered_copy_of_an_example_verifies(inspector: Inspector) -> None:
    cases = [[case["id"], case["token"], json.dumps(case["key"])] for case in ALTERED]
    states = inspector.page.evaluate(STATES, cases)

    assert len(states) == len(ALTERED) > 5 * len(GOOD)
    assert [name for name, state in states.items() if state == "verified"] == []


def test_the_examples_are_those_of_the_rfcs() -> None:
    sources = {re.sub(r"(?<=\d\.\d)\.\d$|(?<=A\.\d)\.\d$", "", case["source"]) for case in GOOD}
    of_jws = {"RFC 7515 section 3.3", *(f"RFC 7515 section A.{number}" for number in (2, 3, 4))}
    of_cookbook = {f"RFC 7520 section 4.{number}" for number in (1, 2, 3, 4)}

    assert sources >= of_jws | of_cookbook | {"RFC 8037 section A.4"}


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_token_verifies_and_no_flipped_bit_goes_unseen(inspector: Inspector, alg: str) -> None:
    key = Key.generate(alg, kid="k")
    token = jws.sign(b'{"sub":"a"}', key)
    shown = json.dumps(key.to_jwk(private=alg.startswith("HS")))
    bits = sum(len(base64url.decode(part.encode())) * 8 for part in token.split("."))

    inspector.show(token, shown)

    assert inspector.signature() == (
        "Verified",
        f"The signature was made with this key ({alg}), and header and claims are as they were signed.",
    )
    assert inspector.page.evaluate(FLIP, [token, shown]) == {"count": bits, "verified": []}


def test_a_flipped_bit_is_shown(inspector: Inspector) -> None:
    key = Key.generate("ES256")
    header, _, signature = jws.sign(b'{"sub":"alice"}', key).split(".")
    forged = base64url.encode(b'{"sub":"alicf"}').decode()

    inspector.show(f"{header}.{forged}.{signature}", key.to_jwk())

    assert inspector.signature() == (
        "Not verified",
        "The signature does not fit this key (ES256). Either another key signed, or the token was changed.",
    )


@pytest.mark.parametrize("bytes_more", [-1, 1])
def test_a_signature_of_another_length_is_wrong(inspector: Inspector, bytes_more: int) -> None:
    key = Key.generate("ES256")
    header, payload, signature = jws.sign(b"{}", key).split(".")
    raw = base64url.decode(signature.encode())
    other = raw[:bytes_more] if bytes_more < 0 else raw + bytes(bytes_more)

    inspector.show(f"{header}.{payload}.{base64url.encode(other).decode()}", key.to_jwk())

    assert inspector.signature()[0] == "Not verified"


@pytest.mark.parametrize("spelling", ["padding", "free bits"])
def test_a_signature_in_another_spelling_is_not_verified(inspector: Inspector, spelling: str) -> None:
    """RFC 4648 section 3.5: a reader that forgives accepts several tokens for one signature."""
    key = Key.generate("HS256")
    token = jws.sign(b"{}", key)
    other = f"{token}=" if spelling == "padding" else token[:-1] + chr(ord(token[-1]) + 1)

    inspector.show(other, key.to_jwk(private=True))

    assert inspector.signature()[0] == "Not checked"


@pytest.mark.parametrize("alg", ["none", "None", "NONE"])
def test_none_is_never_a_signature(inspector: Inspector, alg: str) -> None:
    token = f"{base64url.encode(json.dumps({'alg': alg}).encode()).decode()}.e30."

    inspector.show(token, Key.generate("HS256").to_jwk(private=True))

    assert inspector.signature() == (
        "Not checked",
        "alg is none: the token has no signature. Everybody can make such a token.",
    )
    assert ("Danger", "The signature is empty: nothing protects this token.") in inspector.warnings()


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({"alg": "ES256K"}, 'WebCrypto does not have the algorithm "ES256K".'),
        ({"alg": "__proto__"}, 'WebCrypto does not have the algorithm "__proto__".'),
        ({"typ": "JWT"}, "The header has no alg, so it is not clear how the token is signed."),
        ({"alg": 5}, "The header has no alg, so it is not clear how the token is signed."),
        (
            {"alg": "HS256", "b64": False, "crit": ["b64"]},
            "The payload is signed in another form (b64, RFC 7797), which this page does not check.",
        ),
    ],
)
def test_what_cannot_be_checked_is_said(inspector: Inspector, header: dict[str, Any], sentence: str) -> None:
    encoded = base64url.encode(json.dumps(header).encode()).decode()

    inspector.show(f"{encoded}.e30.c2ln", Key.generate("HS256").to_jwk(private=True))

    assert inspector.signature() == ("Not checked", sentence)


def test_a_header_with_two_algorithms_is_not_verified(inspector: Inspector) -> None:
    key = Key.generate("HS256")
    header = base64url.encode(b'{"alg":"none","alg":"HS256"}')
    signed = header + b".e30"
    token = (signed + b"." + base64url.encode(key.sign(signed))).decode()

    inspector.show(token, key.to_jwk(private=True))

    assert inspector.signature()[0] == "Not checked"
    assert 'names twice: "alg"' in inspector.warnings()[0][1]


def test_a_slow_check_does_not_overwrite_a_later_result(fresh: Inspector) -> None:
    key, other = Key.generate("ES256"), Key.generate("ES256", kid="other")
    token = jws.sign(b"{}", key)
    fresh.show(token, key.to_jwk())

    held = fresh.page.evaluate(
        """async ([token, otherKey]) => {
            const verify = crypto.subtle.verify.bind(crypto.subtle);
            let release;
            const held = new Promise((resolve) => { release = resolve; });
            crypto.subtle.verify = async (...args) => { await held; return verify(...args); };
            const first = updateSignature();
            await new Promise((resolve) => setTimeout(resolve));
            crypto.subtle.verify = verify;
            fields.key.value = otherKey;
            await updateSignature();
            release();
            await first;
            return document.querySelector("#signature strong").textContent;
        }""",
        [token, json.dumps(other.to_jwk())],
    )

    assert held == "Not verified"
