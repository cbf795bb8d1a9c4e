"""Tenants: the function of the application that knows their issuers."""

from typing import Any

import pytest

from flask_tokenauth import SettingsError, TokenAuth, TrustedIssuer, login_required
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.claim_errors import WrongIssuer

from ..application.test_key_sources import Issuer
from ..conftest import ISSUER, NOW, MakeApp, Mint, bearer, whoami
from ..core.trusted_issuers.rules_kit import KEY, THEIRS, issuer_with, sign
from .conftest import MakeClient

PATTERN = r"https://[a-z]+\.example"


def test_a_tenant_is_asked_about_and_accepted(make_app: MakeApp, auth: TokenAuth[Any]) -> None:
    asked = []

    @auth.issuer_loader(PATTERN)
    def load(name: str) -> TrustedIssuer | None:
        asked.append(name)
        return issuer_with(issuer=name, scopes=["read"]) if name == THEIRS else None

    app = make_app(auth=auth)
    app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
    http = app.test_client()
    names = (THEIRS, THEIRS, "https://x.example", "https://x.example", "http://x.example")

    statuses = [http.get("/me", headers=bearer(sign(iss=name))).status_code for name in names]

    assert statuses == [200, 200, 401, 401, 401]
    assert asked == [THEIRS, "https://x.example"]


def test_it_can_come_after_the_application(make_client: MakeClient, auth: TokenAuth[Any]) -> None:
    http = make_client()
    name = "https://tenant.example"
    before = http.get("/me", headers=bearer(sign(iss=name))).status_code

    async def load(name: str) -> TrustedIssuer | None:
        return issuer_with(issuer=name)

    auth.issuer_loader(PATTERN)(load)

    assert (before, http.get("/me", headers=bearer(sign(iss=name))).status_code) == (401, 200)


def test_applications_of_another_object_do_not_ask_it(make_client: MakeClient, make_app: MakeApp) -> None:
    other: TokenAuth[Any] = TokenAuth()
    make_app(auth=other)
    http = make_client()

    other.issuer_loader(PATTERN)(lambda name: issuer_with(issuer=name))

    assert http.get("/me", headers=bearer(sign(iss="https://tenant.example"))).status_code == 401


def test_while_it_fails_its_tokens_get_503(
    make_client: MakeClient, auth: TokenAuth[Any], mint: Mint, caplog: pytest.LogCaptureFixture
) -> None:
    @auth.issuer_loader(PATTERN)
    def load(name: str) -> TrustedIssuer | None:
        raise RuntimeError("the database is down")

    http = make_client()
    tokens = [sign(iss="https://tenant.example"), sign(), mint()]

    assert [http.get("/me", headers=bearer(token)).status_code for token in tokens] == [503, 200, 200]
    assert "issuer_loader failed" in caplog.text


def test_a_tenant_that_goes_while_its_user_is_looked_up_is_refused(
    make_app: MakeApp, auth: TokenAuth[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    auth.issuer_loader(PATTERN)(lambda name: issuer_with(issuer=name))
    app = make_app(auth=auth)
    authenticator = state_of(app).authenticator
    token = authenticator._verifier.verify(sign(), now=NOW)
    monkeypatch.setattr(authenticator, "trusted", None)

    with pytest.raises(WrongIssuer):
        authenticator.accept(token)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"issuer": [THEIRS, ISSUER]}, "a trusted issuer must not be the issuer of this application"),
        ({"scopes": ["undeclared"]}, "scope undeclared is not declared"),
        ({"keys": "/does/not/exist.json"}, "the key file must be readable"),
        ({"keys": ..., "jwks_uri": "http://127.0.0.1:1/keys"}, "the URL must be https://"),
    ],
    ids=["ours", "undeclared scope", "no file", "plain HTTP"],
)
def test_a_tenant_that_cannot_be_used_is_an_outage(
    make_client: MakeClient, auth: TokenAuth[Any], changes: dict[str, Any], message: str, caplog: Any
) -> None:
    name = "https://tenant.example"
    auth.issuer_loader(PATTERN)(lambda _: issuer_with(**{"issuer": name} | changes))
    http = make_client(issuer="https://other.example", config={"TOKENAUTH_SCOPES": {"read": "", "write": ""}})
    token = sign(iss=THEIRS if "issuer" in changes else name)

    assert http.get("/me", headers=bearer(token)).status_code == 503
    assert message in caplog.text


@pytest.mark.parametrize(("testing", "status"), [(True, 200), (False, 503)])
def test_a_tenant_is_on_this_machine_in_tests_alone(
    make_app: MakeApp, auth: TokenAuth[Any], *, testing: bool, status: int
) -> None:
    """A tenant may choose its URLs, and must not choose those of an internal service."""
    theirs = Issuer(KEY.public())
    with theirs.serve() as server:
        auth.issuer_loader(r"http://127\.0\.0\.1:[0-9]+")(lambda _: theirs.entry())
        app = make_app(auth=auth, TESTING=testing)
        app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")

        answer = app.test_client().get("/me", headers=bearer(sign(iss=theirs.issuer)), base_url="https://localhost")

        assert (answer.status_code, len(server.requests)) == (status, int(testing))


def test_its_keys_are_kept_while_the_answer_has_the_same(
    make_app: MakeApp, auth: TokenAuth[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loader makes a new object each time. Its keys must not be fetched each time."""
    remote: dict[str, Any] = {"keys": ..., "jwks_uri": "https://id.example/keys"}
    first, second, third = (
        issuer_with(**remote, scopes=["a"]),
        issuer_with(**remote, scopes=["b"]),
        issuer_with(**remote | {"jwks_uri": "https://id.example/other"}),
    )
    trust = state_of(make_app(auth=auth)).trust
    rules = trust._make_rules(first)

    assert trust._make_rules(issuer_with(**remote, scopes=["a"]), rules) is rules
    assert trust._make_rules(second, rules).keys is rules.keys
    assert trust._make_rules(third, rules).keys is not rules.keys


def test_a_second_one_is_a_mistake(auth: TokenAuth[Any]) -> None:
    auth.issuer_loader("a")(lambda _: None)

    with pytest.raises(SettingsError, match="there must be one issuer_loader"):
        auth.issuer_loader("b")(lambda _: None)


@pytest.mark.parametrize("pattern", [7, None, lambda name: None])
def test_it_needs_a_pattern(auth: TokenAuth[Any], pattern: Any) -> None:
    with pytest.raises(TypeError, match="issuer_loader must get a pattern"):
        auth.issuer_loader(pattern)


def test_the_pattern_must_be_a_regular_expression(auth: TokenAuth[Any]) -> None:
    with pytest.raises(ValueError, match="must be a regular expression"):
        auth.issuer_loader("(")


def test_it_must_decorate_a_function(auth: TokenAuth[Any]) -> None:
    with pytest.raises(TypeError, match="issuer_loader must decorate a function"):
        auth.issuer_loader(PATTERN)("load")  # type: ignore[type-var]
