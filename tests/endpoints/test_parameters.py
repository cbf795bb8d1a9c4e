"""``POST /auth/refresh`` accepts only forms and JSON with one clear meaning."""

import pytest
from flask import Flask

from ..lifecycle.kit import (
    FORM,
    INVALID_GRANT,
    JSON,
    MALFORMED,
    MOSTLY_IN_MEMORY,
    UNSUPPORTED_CONTENT,
    form_of,
    generation_of,
    json_of,
    missing,
    not_a_string,
    record_calls,
    repeated,
    send,
    store_of,
)

pytestmark = MOSTLY_IN_MEMORY

OTHER_PARAMETERS = b"".join(b"&a%d" % number for number in range(30))  # parameters beside the two that count

MISSING: list[tuple[str | None, bytes, str]] = [
    (FORM, b'{"grant_type": "refresh_token", "refresh_token": "{token}"}', "grant_type"),
    (FORM, b"", "grant_type"),
    (FORM, b"grant_type=refresh_token", "refresh_token"),
    (FORM, b"refresh_token={token}", "grant_type"),
    (FORM, b"Grant_Type=refresh_token&refresh_token={token}", "grant_type"),
    (JSON, b"{}", "grant_type"),
    (JSON, b'{"grant_type": "refresh_token"}', "refresh_token"),
    (JSON, b'{"refresh_token": "{token}"}', "grant_type"),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": null}', "refresh_token"),
    (JSON, b'{"grant_type": null, "refresh_token": "{token}"}', "grant_type"),
    (JSON, b"", "grant_type"),
    (None, b"", "grant_type"),
]

REPEATED: list[tuple[str, bytes, str]] = [
    (FORM, b"grant_type=refresh_token&refresh_token={token}&refresh_token={token}", "refresh_token"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&refresh_token=", "refresh_token"),
    (FORM, b"grant_type=refresh_token&grant_type=refresh_token&refresh_token={token}", "grant_type"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&scope=a&scope=a", "scope"),
    (FORM, b"refresh_token={token}&scope=a&scope=b&resource=a&resource=b", "scope"),
]

NO_STRINGS: list[tuple[str, bytes, str]] = [
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": 1}', "refresh_token"),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": true}', "refresh_token"),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": ["{token}"]}', "refresh_token"),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": {"token": "{token}"}}', "refresh_token"),
    (JSON, b'{"grant_type": ["refresh_token"], "refresh_token": "{token}"}', "grant_type"),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "scope": ["a"]}', "scope"),
    (JSON, b'{"grant_type": false, "refresh_token": "{token}"}', "grant_type"),
]

OTHER_CONTENT: list[tuple[str | None, bytes]] = [
    ("text/plain", b"grant_type=refresh_token&refresh_token={token}"),
    ("text/json", b'{"grant_type": "refresh_token", "refresh_token": "{token}"}'),
    ("application/json+x", b'{"grant_type": "refresh_token", "refresh_token": "{token}"}'),
    ("application/problem+json", b'{"grant_type": "refresh_token", "refresh_token": "{token}"}'),
    ("", b"grant_type=refresh_token&refresh_token={token}"),
    (None, b"grant_type=refresh_token&refresh_token={token}"),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\nrefresh_token\r\n'
        b'--x\r\nContent-Disposition: form-data; name="refresh_token"\r\n\r\n{token}\r\n--x--\r\n',
    ),
    ("multipart/form-data; boundary=x", b""),
]


BODIES: list[tuple[str, bytes]] = [
    (FORM, b"grant_type=refresh_token&refresh_token={token}&scope=%ff"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&%ff=a"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&scope=%ed%a0%80"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&scope=\xff"),
    (FORM, "grant_type=refresh_token&refresh_token={token}&scope=é".encode()),
    (FORM, b"grant_type=refresh_token&refresh_token={token}" + OTHER_PARAMETERS + b"&last"),
    (JSON, b"null"),
    (JSON, b"{"),
    (JSON, b"[]"),
    (JSON, b'["grant_type", "refresh_token"]'),
    (JSON, b'[{"grant_type": "refresh_token", "refresh_token": "{token}"}]'),
    (JSON, b'"{token}"'),
    (JSON, b"1"),
    (JSON, b"NaN"),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "other": NaN}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "other": 1e999}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "refresh_token": "{token}"}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "refresh_\\u0074oken": "{token}"}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "scope": "\xff"}'),
    (JSON, b"[" * 10_000),
    (JSON, b'{"a":' * 3_000),
    (JSON, b'{"a":' * 2_500 + b"1" + b"}" * 2_500),
    (JSON, b"grant_type=refresh_token&refresh_token={token}"),
]


def check_refused(app: Flask, token: str, content_type: str | None, body: bytes, refused: dict[str, str]) -> None:
    """Send a body, and check that it is refused before the store is asked."""
    with record_calls(store_of(app)) as called:
        answer = send(app, body.replace(b"{token}", token.encode()), content_type)

    assert (answer.status_code, answer.get_json()) == (400, refused)
    assert answer.headers["Cache-Control"] == "no-store"
    assert called == []
    assert generation_of(app, token) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("content_type", "body"), BODIES, ids=str)
def test_an_ambiguous_or_malformed_body_is_refused(app: Flask, token: str, content_type: str, body: bytes) -> None:
    check_refused(app, token, content_type, body, MALFORMED)


@pytest.mark.parametrize(("content_type", "body", "name"), MISSING, ids=str)
def test_the_answer_names_a_missing_parameter(
    app: Flask, token: str, content_type: str | None, body: bytes, name: str
) -> None:
    check_refused(app, token, content_type, body, missing(name))


@pytest.mark.parametrize(("content_type", "body", "name"), REPEATED, ids=str)
def test_the_answer_names_a_parameter_that_comes_twice(
    app: Flask, token: str, content_type: str, body: bytes, name: str
) -> None:
    """RFC 6749 section 3.2: "MUST NOT be included more than once"."""
    check_refused(app, token, content_type, body, repeated(name))


@pytest.mark.parametrize(("content_type", "body", "name"), NO_STRINGS, ids=str)
def test_the_answer_names_a_parameter_that_is_not_a_string(
    app: Flask, token: str, content_type: str, body: bytes, name: str
) -> None:
    check_refused(app, token, content_type, body, not_a_string(name))


@pytest.mark.parametrize(("content_type", "body"), OTHER_CONTENT, ids=str)
def test_the_answer_to_another_content_type_names_those_that_are_read(
    app: Flask, token: str, content_type: str | None, body: bytes
) -> None:
    check_refused(app, token, content_type, body, UNSUPPORTED_CONTENT)


@pytest.mark.parametrize("body", ["", "&", "&&=&", "=", "a=b", "%"])
def test_an_empty_form_is_refused(app: Flask, body: str) -> None:
    assert send(app, body).get_json() == missing("grant_type")


def test_unknown_parameters_are_ignored(app: Flask, token: str) -> None:
    """RFC 6749 section 3.2."""
    assert send(app, form_of(token, "&client_id=web&x=%C3%A9")).status_code == 200
    assert send(app, json_of(token, client_id="web", x="é"), JSON).status_code == 200
    assert send(app, form_of(token).encode() + OTHER_PARAMETERS).status_code == 200


def test_an_unknown_parameter_may_come_twice(app: Flask, token: str) -> None:
    """RFC 8707 section 2: "Multiple resource parameters MAY be used"."""
    more = "&resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb&%72esource&=&="

    assert send(app, form_of(token, more)).status_code == 200


@pytest.mark.parametrize("value", [None, 5, 0.5, True, [], ["a", None], {"a": {"b": None}}, ""])
def test_an_unknown_json_member_may_have_any_value(app: Flask, token: str, value: object) -> None:
    assert send(app, json_of(token, client_id=value), JSON).status_code == 200


def test_a_json_null_counts_as_missing(app: Flask, token: str) -> None:
    assert send(app, json_of(token, scope=None), JSON).get_json()["scope"] == "a b"


@pytest.mark.parametrize("blank", ["%20", "+"])
def test_a_blank_token_is_not_valid(app: Flask, blank: str) -> None:
    assert send(app, form_of(blank)).get_json() == INVALID_GRANT
    assert send(app, json_of(blank), JSON).get_json() == INVALID_GRANT


@pytest.mark.parametrize("content_type", [FORM, JSON])
def test_an_empty_parameter_counts_as_missing(app: Flask, token: str, content_type: str) -> None:
    """RFC 6749 section 3.2: "MUST be treated as if they were omitted from the request"."""
    write = form_of if content_type == FORM else json_of

    assert send(app, write(""), content_type).get_json() == missing("refresh_token")
    assert send(app, write(token).replace("refresh_token", "", 1), content_type).get_json() == missing("grant_type")
    with_scope = form_of(token, "&scope=") if content_type == FORM else json_of(token, scope="")
    assert send(app, with_scope, content_type).get_json()["scope"] == "a b"


def test_parameters_in_the_url_are_ignored(app: Flask, token: str) -> None:
    """RFC 6749 section 6: "in the HTTP request entity-body"."""
    assert app.test_client().post("/auth/refresh?" + form_of(token)).get_json() == missing("grant_type")
    assert app.test_client().post("/auth/refresh?" + form_of(token), data={"scope": "a"}).get_json() == missing(
        "grant_type"
    )
