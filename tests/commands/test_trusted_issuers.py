"""The commands and the doctor about trusted issuers."""

import json
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth
from flask_tokenauth.core.keys.key import Key

from ..application.test_key_sources import Issuer
from ..conftest import ISSUER, SECRET, MakeApp, Mint
from ..core.trusted_issuers.rules_kit import PUBLIC, THEIRS, issuer_with, sign
from .doctor_kit import GOOD, find
from .test_tokens import run

DOWN = "http://127.0.0.1:1"  # a server that does not answer
RSA = Key.generate("RS256", kid="r1").public()


def app_with(make_app: MakeApp, *issuers: Any, **config: Any) -> Flask:
    return make_app(**GOOD | config, TOKENAUTH_TRUSTED_ISSUERS=list(issuers))


class TestInspect:
    """It names the issuer by whose rules a token was judged."""

    @pytest.mark.parametrize(
        ("changes", "judge", "reason"),
        [
            ({}, THEIRS, None),
            ({"aud": "x"}, THEIRS, "audience_wrong"),
            ({"iss": "https://x.example"}, None, "issuer_wrong"),
            ({"iss": ["a"]}, None, "issuer_wrong"),
            ({"iss": ...}, None, "issuer_wrong"),
            ({"iss": ISSUER}, ISSUER, "signature_invalid"),
        ],
        ids=str,
    )
    def test_of_tokens_of_others(
        self, make_app: MakeApp, changes: dict[str, Any], judge: str | None, reason: str | None
    ) -> None:
        app = make_app(TOKENAUTH_TRUSTED_ISSUERS=[issuer_with()], TOKENAUTH_KEYS=[Key.generate("ES256", kid="k1")])

        shown = json.loads(run(app, "inspect", stdin=sign(**changes)).stdout)

        assert (shown["judged_by"], shown.get("reason")) == (judge, reason)

    def test_of_an_accepted_token_it_shows_what_views_see(self, make_app: MakeApp) -> None:
        entry = issuer_with(users=lambda token: f"our {token.subject}", scopes={"read": "reports:read"})
        app = make_app(TOKENAUTH_TRUSTED_ISSUERS=[entry])

        shown = json.loads(run(app, "inspect", stdin=sign()).stdout)

        assert (shown["user_id"], shown["scopes"]) == ("our bob", ["reports:read"])

    def test_of_our_tokens(self, make_app: MakeApp, mint: Mint) -> None:
        app = make_app(TOKENAUTH_TRUSTED_ISSUERS=[issuer_with()])

        assert json.loads(run(app, "inspect", stdin=mint()).stdout)["judged_by"] == ISSUER

    def test_of_something_else(self, make_app: MakeApp) -> None:
        app = make_app(TOKENAUTH_TRUSTED_ISSUERS=[issuer_with()])

        assert json.loads(run(app, "inspect", stdin="x.y.z").stdout)["judged_by"] is None

    def test_a_function_that_fails_is_named(self, make_app: MakeApp) -> None:
        app = make_app(TOKENAUTH_TRUSTED_ISSUERS=[issuer_with(users=lambda token: token.nothing)])

        result = run(app, "inspect", stdin=sign())

        assert result.exit_code == 1
        assert result.stderr.endswith("asked about the token must not fail, but raised AttributeError\n")

    def test_while_the_loader_fails_a_token_that_is_too_long_is_still_shown(self, make_app: MakeApp) -> None:
        def fail(_: str) -> None:
            raise RuntimeError

        auth: TokenAuth[Any] = TokenAuth()
        auth.issuer_loader(".+")(fail)

        shown = json.loads(run(make_app(auth=auth), "inspect", stdin=sign(x="a" * 8000)).stdout)

        assert (shown["judged_by"], shown["reason"]) == (None, "token_too_large")

    def test_while_the_keys_cannot_be_fetched(self, make_app: MakeApp) -> None:
        app = make_app(TOKENAUTH_TRUSTED_ISSUERS=[issuer_with(issuer=DOWN, keys=..., jwks_uri=f"{DOWN}/keys")])

        result = run(app, "inspect", stdin=sign(iss=DOWN))

        assert result.exit_code == 1
        assert f"Error: the keys of the trusted issuer {DOWN} cannot be fetched: 127.0.0.1" in result.stderr


class TestFetch:
    """``keys fetch`` shows what an issuer publishes."""

    def test_the_keys_that_are_used_and_why_others_are_not(self, make_app: MakeApp) -> None:
        theirs = Issuer(PUBLIC, RSA)
        with theirs.serve():
            result = run(app_with(make_app, theirs.entry(algorithms=["ES256"])), "keys", "fetch", theirs.issuer)

        assert result.exit_code == 0
        assert result.stdout.splitlines() == [
            "k1  ES256",
            "key 2 is not used: its algorithm must be one of the algorithms of this issuer, got another",
        ]

    def test_keys_without_an_id(self, make_app: MakeApp) -> None:
        app = app_with(make_app, issuer_with(keys=PUBLIC.to_pem()))

        assert run(app, "keys", "fetch", THEIRS).stdout == "(no kid)  ES256\n"

    def test_keys_of_the_settings_that_are_not_used(self, make_app: MakeApp) -> None:
        jwks = {"keys": [PUBLIC.to_jwk(), RSA.to_jwk() | {"use": "enc"}]}
        app = app_with(make_app, issuer_with(keys=jwks))

        assert run(app, "keys", "fetch", THEIRS).stdout == 'k1  ES256\nkey 2 is not used: use is "enc"\n'

    def test_a_set_without_a_usable_key_is_a_failure(self, make_app: MakeApp) -> None:
        theirs = Issuer()
        with theirs.serve():
            result = run(app_with(make_app, theirs.entry()), "keys", "fetch", theirs.issuer)

        assert (result.exit_code, result.stderr) == (
            1,
            "Error: no key of this issuer can be used, so all its tokens are refused\n",
        )

    def test_a_failure_says_why(self, make_app: MakeApp) -> None:
        app = app_with(make_app, issuer_with(issuer=DOWN, keys=..., jwks_uri=f"{DOWN}/keys"))

        result = run(app, "keys", "fetch", DOWN)

        assert result.exit_code == 1
        assert "127.0.0.1 must answer, but did not" in result.stderr

    @pytest.mark.parametrize(
        ("issuers", "known"),
        [([issuer_with()], f"trusted are {THEIRS}"), ([], "TOKENAUTH_TRUSTED_ISSUERS has none")],
        ids=["one", "none"],
    )
    def test_an_unknown_issuer_is_a_mistake(self, make_app: MakeApp, issuers: list[Any], known: str) -> None:
        result = run(app_with(make_app, *issuers), "keys", "fetch", f"{THEIRS}/")

        assert result.exit_code == 1
        assert known in result.stderr

    def test_a_tenant_can_be_shown(self, make_app: MakeApp) -> None:
        auth: TokenAuth[Any] = TokenAuth()
        auth.issuer_loader(".+")(lambda name: issuer_with(issuer=name))
        app = make_app(auth=auth)

        assert run(app, "keys", "fetch", "https://tenant.example").stdout == "k1  ES256\n"


def about_issuers(app: Flask) -> list[str]:
    found = [f"{finding.severity}: {finding.sentence}" for finding in find(app)]
    return [line for line in found if "issuer" in line.lower() and not line.startswith("hint: TOKENAUTH_AUDIENCE")]


class TestDoctor:
    """The findings about trusted issuers."""

    def test_a_good_issuer_has_none(self, make_app: MakeApp) -> None:
        theirs = Issuer(PUBLIC)
        with theirs.serve():
            found = about_issuers(app_with(make_app, theirs.entry(), issuer_with()))

        assert found == [
            f"info: The trusted issuer {name} has 1 keys that are used, and 0 that are not."
            for name in (theirs.issuer, THEIRS)
        ]

    def test_keys_that_cannot_be_fetched(self, make_app: MakeApp) -> None:
        app = app_with(make_app, issuer_with(issuer=DOWN, keys=..., jwks_uri=f"{DOWN}/keys"))

        [line] = about_issuers(app)

        assert line.startswith(f"error: Tokens would be refused with 503: the keys of the trusted issuer {DOWN}")

    def test_a_set_without_a_usable_key(self, make_app: MakeApp) -> None:
        theirs = Issuer()
        with theirs.serve():
            [line] = about_issuers(app_with(make_app, theirs.entry()))

        assert line.startswith(f"error: The trusted issuer {theirs.issuer} publishes no key that can be used")

    def test_a_trust_that_is_over(self, make_app: MakeApp) -> None:
        line, _ = about_issuers(app_with(make_app, issuer_with(until="2023-11-14T22:13:20+00:00")))

        assert line == (
            f"warning: TOKENAUTH_TRUSTED_ISSUERS: until of {THEIRS} has passed, so its tokens are refused: remove the "
            "issuer."
        )

    def test_a_trust_that_ends_in_a_second(self, make_app: MakeApp) -> None:
        [line] = about_issuers(app_with(make_app, issuer_with(until="2023-11-14T22:13:21+00:00")))

        assert line.startswith("info: ")

    def test_a_secret_that_stays(self, make_app: MakeApp) -> None:
        line, _ = about_issuers(app_with(make_app, issuer_with(keys=..., secret=SECRET)))

        assert line.startswith(f"hint: TOKENAUTH_TRUSTED_ISSUERS: the tokens of {THEIRS} are signed with a secret")

    def test_the_secret_of_a_library_that_goes(self, make_app: MakeApp) -> None:
        entry = issuer_with(keys=..., secret=SECRET, profile="simplejwt", until="2027-01-31", revoked="never")

        [line] = about_issuers(app_with(make_app, entry))

        assert line.startswith("info: ")

    def test_users_by_an_e_mail_address(self, make_app: MakeApp) -> None:
        line, _ = about_issuers(app_with(make_app, issuer_with(user_claims="email")))

        assert line.startswith(f"warning: TOKENAUTH_TRUSTED_ISSUERS: an e-mail address names the users of {THEIRS}")

    def test_an_application_without_tokens_of_its_own_needs_no_audience(self, make_app: MakeApp) -> None:
        found = find(app_with(make_app, issuer_with(), SECRET_KEY=None, TOKENAUTH_AUDIENCE=None))

        assert [finding for finding in found if "TOKENAUTH_AUDIENCE" in finding.sentence] == []
