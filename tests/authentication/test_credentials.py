"""The credential of a request (RFC 6750 section 2.1)."""

import pytest

from flask_tokenauth.authentication.credentials import check_credential, find_token, missing_credential
from flask_tokenauth.core.errors import MalformedCredential, MissingCredential, MissingScheme, UnsupportedScheme
from flask_tokenauth.core.form_errors import TokenTooLarge

LIMIT = 100


def find(header: str | None) -> str | None:
    return find_token(header, max_bytes=LIMIT)


@pytest.mark.parametrize("header", ["Bearer a.b-c_d~e+f/0==", "bearer a.b-c_d~e+f/0==", "BEARER   a.b-c_d~e+f/0=="])
def test_a_bearer_token_follows_its_scheme_after_spaces(header: str) -> None:
    """The case of the scheme does not matter (RFC 9110 section 11.1)."""
    check_credential(header)
    assert find(header) == "a.b-c_d~e+f/0=="


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic YTpi",
        "Basic YTpi,Bearer a",
        "Bearerx a",
        "Bearer1",
        "Bearer-a b",
        "DPoP a",
        "a.b.c",
        "B",
        "Beare r",
    ],
)
def test_another_scheme_is_not_a_credential(header: str | None) -> None:
    assert find(header) is None


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Bearer\ta",
        "Bearer \ta",
        "Bearer a ",
        "Bearer a b",
        "Bearer a,Bearer b",
        "Bearer a, Bearer a",
        "Bearer a,Basic b",
        "Bearer,a",
        "Bearer=a",
        "Bearer a=b",
        "Bearer =",
        'Bearer "a"',
        "Bearer a\n",
        "Bearer\na",
        "Bearer a\x00",
        "Bearer é",
        "Bearer a\xa0",
        "Bearer\xa0a",
        "Bearer token=a",
    ],
)
def test_a_bearer_header_of_another_form_is_malformed(header: str) -> None:
    assert find(header) is not None
    with pytest.raises(MalformedCredential):
        check_credential(header)


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_a_token_up_to_the_limit_is_found(size: int) -> None:
    assert find("Bearer " + "a" * size) == "a" * size


@pytest.mark.parametrize("character", ["a", ".", ",", " ", "é", "="])
def test_a_longer_header_is_too_large_with_any_content(character: str) -> None:
    with pytest.raises(TokenTooLarge) as caught:
        find("bearer " + character * (LIMIT + 1))

    assert (caught.value.size, caught.value.limit) == (LIMIT + 1, LIMIT)


def test_the_size_of_another_scheme_is_not_limited() -> None:
    assert find("Basic " + "a" * 1000) is None


@pytest.mark.parametrize("header", [None, "", " ", "   "])
def test_without_a_header_the_credential_is_missing(header: str | None) -> None:
    assert type(missing_credential(header)) is MissingCredential


@pytest.mark.parametrize(
    "header",
    ["eyJ0.eyJp.c2ln", "eyJ0.eyJp.c2ln ", "a" * 63 + " b", "Bearer%20a.b.c", "Bearer", '"a.b.c"', "Negotiate", "é"],
)
def test_one_word_is_a_token_without_a_scheme(header: str) -> None:
    assert type(missing_credential(header)) is MissingScheme


@pytest.mark.parametrize(
    "header",
    [
        "Basic YTpi",
        "Token a.b.c",
        "JWT a.b.c",
        "DPoP a.b.c",
        "Basic YTpi, Bearer a.b.c",
        " Bearer a.b.c",
        "a" * 62 + " b",
        '"Bearer a.b.c"',
    ],
)
def test_a_word_before_the_token_is_another_scheme(header: str) -> None:
    assert type(missing_credential(header)) is UnsupportedScheme


@pytest.mark.parametrize("header", [None, "Basic YTpi", "a.b.c"])
def test_the_scopes_that_are_needed_go_with_the_refusal(header: str | None) -> None:
    assert missing_credential(header, ("reports:read",)).needed == ("reports:read",)
