"""The digests and the IDs of API keys and reference tokens."""

import pytest

from flask_tokenauth.core.encoding.digests import check_digest, digest_of, id_of

# FIPS 180-2, appendix B.1, and the digest of nothing, in base64url.
VECTORS = {
    "abc": "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
    "": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
}


@pytest.mark.parametrize(("text", "digest"), VECTORS.items())
def test_a_digest_is_a_sha_256_in_base64url(text: str, digest: str) -> None:
    assert digest_of(text) == digest


def test_an_id_is_the_beginning_of_a_digest() -> None:
    assert id_of(VECTORS["abc"]) == "ungWv48Bz-pBQUDeXa4iI7"


@pytest.mark.parametrize("digest", [*VECTORS.values(), "-" * 43, "_" * 43])
def test_a_digest_passes(digest: str) -> None:
    check_digest(digest)


@pytest.mark.parametrize(
    "digest",
    ["", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "+", "a" * 42 + "/", "a" * 42 + "é", "a" * 42 + "\n",
     "a" * 43 + "\n", None, 43, b"a" * 43, ["a" * 43]],
)  # fmt: skip
def test_something_else_is_no_digest(digest: object) -> None:
    with pytest.raises(ValueError, match=r"digest must be a SHA-256 in base64url: 43 characters$"):
        check_digest(digest)
