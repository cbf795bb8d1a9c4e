"""Tokens over plain HTTP: which requests are warned of, with which advice, and which are refused."""

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_tokenauth import TokenAuth, login_required
from flask_tokenauth.authentication.https import _is_loopback

from ..conftest import MakeApp, Mint, bearer

LOCAL = {"REMOTE_ADDR": "127.0.0.1"}
SEE_HTTPS = "put werkzeug's ProxyFix around app.wsgi_app, with the number of your proxies as x_for and x_proto"
USE_HTTPS = "let the proxy take tokens over HTTPS only"
DIRECT = "serve the application over HTTPS"


@pytest.fixture
def api(make_app: MakeApp) -> Flask:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS="warn")
    app.add_url_rule("/", view_func=login_required(lambda: "open"))
    return app


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        (None, True),
        ("", True),
        ("126.255.255.255", False),
        ("127.0.0.0", True),
        ("127.0.0.1", True),
        ("127.255.255.255", True),
        ("128.0.0.0", False),
        ("::", False),
        ("::1", True),
        ("0:0:0:0:0:0:0:1", True),
        ("::1%lo", True),
        ("::2", False),
        ("::ffff:126.255.255.255", False),
        ("::ffff:127.0.0.1", True),
        ("::ffff:128.0.0.0", False),
        ("::1.example", False),
        ("127.", False),
        ("127.0.0.1.example", False),
        ("localhost", False),
    ],
)
def test_an_address_of_this_machine_is_known(address: str | None, is_local: bool) -> None:  # noqa: FBT001  # a parameter
    assert _is_loopback(address) is is_local


@pytest.mark.parametrize(
    ("headers", "advice"),
    [
        ({"X-Forwarded-Proto": "https"}, SEE_HTTPS),
        ({"X-Forwarded-Proto": "HTTPS, http"}, SEE_HTTPS),
        ({"X-Forwarded-Proto": "http"}, USE_HTTPS),
        ({"X-Forwarded-Proto": ""}, USE_HTTPS),
        ({"X-Forwarded-For": "192.0.2.1"}, USE_HTTPS),
        ({"X-Forwarded-Host": "api.example.com"}, USE_HTTPS),
        ({"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}, SEE_HTTPS),
        ({"Forwarded": "for=192.0.2.1;proto=https"}, SEE_HTTPS),
        ({"Forwarded": 'for=192.0.2.1; Proto="https"'}, SEE_HTTPS),
        ({"Forwarded": "for=192.0.2.1;proto=http"}, USE_HTTPS),
        ({"X-Real-IP": "192.0.2.1"}, USE_HTTPS),
        ({"X-Forwarded-Port": "443"}, USE_HTTPS),
        ({"X-Forwarded-Scheme": "https"}, USE_HTTPS),
        ({"X-Forwarded-Ssl": "on"}, USE_HTTPS),
        ({"X-Forwarded-Server": "proxy"}, USE_HTTPS),
    ],
)
def test_a_token_from_a_proxy_on_this_machine_is_warned_of_once(
    api: Flask, mint: Mint, caplog: pytest.LogCaptureFixture, headers: dict[str, str], advice: str
) -> None:
    client = api.test_client()

    answers = [client.get("/", headers=bearer(mint()) | headers, environ_base=LOCAL) for _ in "12"]

    assert [answer.status_code for answer in answers] == [200, 200]
    [warning] = caplog.messages
    assert advice in warning
    assert "ProxyFix" in warning
    assert 'set TOKENAUTH_ENFORCE_HTTPS to "refuse"' in warning


def test_a_token_that_came_without_a_proxy_is_warned_of_with_other_advice(
    api: Flask, mint: Mint, caplog: pytest.LogCaptureFixture
) -> None:
    api.test_client().get("/", headers=bearer(mint()), environ_base={"REMOTE_ADDR": "192.0.2.1"})

    assert DIRECT in caplog.text
    assert "ProxyFix" in caplog.text


def test_the_warning_does_not_quote_the_request(api: Flask, mint: Mint, caplog: pytest.LogCaptureFixture) -> None:
    forwarded = {"X-Forwarded-Proto": "https hunter3", "X-Forwarded-For": "hunter3", "Forwarded": "proto=hunter3"}

    api.test_client().get("/", headers=bearer(mint()) | forwarded, environ_base=LOCAL)

    assert len(caplog.messages) == 1
    assert "hunter3" not in caplog.text


@pytest.mark.parametrize("headers", [{}, {"Via": "1.1 cache"}, {"Host": "localhost:5000"}])
def test_a_developers_request_is_not_warned_of(
    api: Flask, mint: Mint, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    assert api.test_client().get("/", headers=bearer(mint()) | headers, environ_base=LOCAL).status_code == 200
    assert caplog.messages == []


@pytest.mark.parametrize("authorization", ["Basic YTpi", "Bearer a b", "Bearer"])
def test_a_header_without_a_token_is_not_warned_of(
    api: Flask, caplog: pytest.LogCaptureFixture, authorization: str
) -> None:
    headers = {"Authorization": authorization, "X-Forwarded-Proto": "https"}

    api.test_client().get("/", headers=headers, environ_base=LOCAL)

    assert [record.levelname for record in caplog.records if record.levelname == "WARNING"] == []


def test_with_proxyfix_there_is_no_warning(api: Flask, mint: Mint, caplog: pytest.LogCaptureFixture) -> None:
    api.wsgi_app = ProxyFix(api.wsgi_app)  # type: ignore[method-assign]
    forwarded = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}

    api.test_client().get("/", headers=bearer(mint()) | forwarded, environ_base=LOCAL)

    assert caplog.messages == []


@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-Proto": "https"}, {"Forwarded": "proto=https"}])
@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.1", ""])
def test_headers_of_a_proxy_let_no_token_pass_where_plain_http_is_refused(
    make_app: MakeApp, mint: Mint, headers: dict[str, str], address: str
) -> None:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS="refuse")
    app.add_url_rule("/", view_func=login_required(lambda: "open"))

    answer = app.test_client().get("/", headers=bearer(mint()) | headers, environ_base={"REMOTE_ADDR": address})

    assert answer.status_code == 400


@pytest.mark.parametrize("headers", [{"X-Forwarded-Proto": "https"}, {"Forwarded": "proto=https"}])
def test_a_refusal_of_a_token_that_a_proxy_got_over_https_is_explained_once(
    make_app: MakeApp, mint: Mint, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS="refuse")
    client = app.test_client()

    answers = [client.get("/", headers=bearer(mint()) | headers).status_code for _ in "12"]

    assert answers == [404, 404]
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning == f"a token is refused that came through a proxy that says the client used HTTPS: {SEE_HTTPS}"


@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-Proto": "http"}, {"X-Forwarded-For": "192.0.2.1"}])
def test_a_refusal_of_a_token_over_plain_http_needs_no_warning(
    make_app: MakeApp, mint: Mint, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS="refuse")

    app.test_client().get("/", headers=bearer(mint()) | headers)

    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def test_a_token_in_a_body_from_a_proxy_on_this_machine_is_warned_of(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    auth: TokenAuth[str] = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_ENFORCE_HTTPS="warn", TOKENAUTH_STORE="memory://")
    app.register_blueprint(auth.endpoints)
    data = {"grant_type": "refresh_token", "refresh_token": "rt1_x"}

    app.test_client().post("/auth/refresh", data=data, headers={"X-Forwarded-Proto": "https"}, environ_base=LOCAL)

    assert SEE_HTTPS in caplog.text
