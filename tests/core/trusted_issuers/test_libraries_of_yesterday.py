"""Tokens of the real Flask-JWT-Extended and Simple JWT, at an application that believes them for now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token

from flask_tokenauth import TrustedIssuer, login_required, require_scope

from ...conftest import NOW, MakeApp, bearer, whoami
from ...django_settings import set_up_django
from .samples import OLD_SECRET, entry_of

OLD_ISSUER = "https://old.acme.example"
OLD_AUDIENCE = "https://old.acme.example/api"


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    """The libraries read the clock of the system."""
    with time_machine.travel(NOW, tick=False):
        yield


@dataclass(frozen=True)
class Issued:
    """The tokens of one login."""

    access: str
    refresh: str


def flask_jwt_extended(identity: Any = "42", claims: dict[str, Any] | None = None, **settings: Any) -> Issued:
    """Log in at an application with Flask-JWT-Extended."""
    app = Flask("yesterday")
    app.config |= {"JWT_SECRET_KEY": OLD_SECRET} | settings
    JWTManager(app)
    with app.app_context():
        access = create_access_token(identity, additional_claims=claims)
        return Issued(access, create_refresh_token(identity, additional_claims=claims))


@pytest.fixture(scope="module")
def django() -> None:
    """Set up Django before Simple JWT is imported."""
    set_up_django()


def simple_jwt(user_id: Any = 42, claims: dict[str, Any] | None = None, **settings: Any) -> Issued:
    """Log in at an application with Simple JWT, whose settings for tokens are those of its ``TokenBackend``."""
    from rest_framework_simplejwt.backends import TokenBackend  # noqa: PLC0415  # once Django is configured
    from rest_framework_simplejwt.models import TokenUser  # noqa: PLC0415
    from rest_framework_simplejwt.tokens import RefreshToken  # noqa: PLC0415

    backend = TokenBackend("HS256", OLD_SECRET, **settings)
    user: Any = TokenUser({"user_id": user_id})  # type: ignore[arg-type]  # it reads a mapping
    refresh = RefreshToken.for_user(user)
    for name, value in (claims or {}).items():
        refresh[name] = value
    return Issued(backend.encode(refresh.access_token.payload), backend.encode(refresh.payload))


def client_of(make_app: MakeApp, entry: TrustedIssuer) -> FlaskClient:
    """Return a client of an application that believes the tokens of an old library."""
    app = make_app(TOKENAUTH_TRUSTED_ISSUERS=[entry])
    app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
    app.add_url_rule("/reports", view_func=require_scope("reports:write")(whoami()), endpoint="reports")
    return app.test_client()


def ask(make_app: MakeApp, entry: TrustedIssuer, token: str, path: str = "/me") -> tuple[int, Any]:
    """Return the status of an answer, and the user of the request."""
    response = client_of(make_app, entry).get(path, headers=bearer(token))
    return response.status_code, response.get_json().get("user_id")


def migrated(profile: str, **changes: Any) -> TrustedIssuer:
    """Return an entry with an issuer or an audience, which the entry of the page does not have."""
    common: dict[str, Any] = {"secret": OLD_SECRET, "users": "shared", "until": "2027-01-31", "revoked": "never"}
    return TrustedIssuer(profile=profile, **{"issuer": None, "audience": None} | common | changes)


def test_an_access_token_of_flask_jwt_extended_is_believed(make_app: MakeApp) -> None:
    assert ask(make_app, entry_of("flask-jwt-extended"), flask_jwt_extended().access) == (200, "42")


def test_a_refresh_token_of_flask_jwt_extended_is_refused(make_app: MakeApp) -> None:
    assert ask(make_app, entry_of("flask-jwt-extended"), flask_jwt_extended().refresh) == (401, None)


def test_roles_of_flask_jwt_extended_are_mapped(make_app: MakeApp) -> None:
    admin = flask_jwt_extended(claims={"roles": ["admin"]}).access
    other = flask_jwt_extended(claims={"roles": ["staff"]}).access

    assert ask(make_app, entry_of("flask-jwt-extended"), admin, "/reports") == (200, "42")
    assert ask(make_app, entry_of("flask-jwt-extended"), other, "/reports") == (403, None)


def test_a_fresh_token_of_a_cookie_is_believed_in_the_header(make_app: MakeApp) -> None:
    token = flask_jwt_extended(JWT_TOKEN_LOCATION=["cookies"], JWT_CSRF_IN_COOKIES=True).access

    assert ask(make_app, entry_of("flask-jwt-extended"), token) == (200, "42")


@pytest.mark.parametrize("issuer", [None, OLD_ISSUER])
@pytest.mark.parametrize("audience", [None, OLD_AUDIENCE, [OLD_AUDIENCE, "other"]])
def test_issuer_and_audience_of_flask_jwt_extended_are_given_to_the_entry(
    make_app: MakeApp, issuer: str | None, audience: Any
) -> None:
    token = flask_jwt_extended(JWT_ENCODE_ISSUER=issuer, JWT_ENCODE_AUDIENCE=audience).access
    other_issuer, other_audience = OLD_ISSUER if issuer is None else None, OLD_AUDIENCE if audience is None else None

    assert ask(make_app, migrated("flask-jwt-extended", issuer=issuer, audience=audience), token) == (200, "42")
    assert ask(make_app, migrated("flask-jwt-extended", issuer=other_issuer, audience=audience), token)[0] == 401
    assert ask(make_app, migrated("flask-jwt-extended", issuer=issuer, audience=other_audience), token)[0] == 401


def test_another_claim_for_the_identity_is_given_to_the_entry(make_app: MakeApp) -> None:
    token = flask_jwt_extended(JWT_IDENTITY_CLAIM="identity").access

    assert ask(make_app, entry_of("flask-jwt-extended"), token) == (401, None)
    assert ask(make_app, migrated("flask-jwt-extended", user_claims="identity"), token) == (200, "42")


def test_an_identity_of_flask_jwt_extended_may_be_a_number(make_app: MakeApp) -> None:
    """It wrote such tokens until PyJWT 2.10, and still does; it refuses them itself now, if JWT_VERIFY_SUB is true."""
    assert ask(make_app, entry_of("flask-jwt-extended"), flask_jwt_extended(42).access) == (200, "42")


def test_an_identity_may_be_a_number_in_another_claim(make_app: MakeApp) -> None:
    token = flask_jwt_extended(42, JWT_IDENTITY_CLAIM="identity").access

    assert ask(make_app, migrated("flask-jwt-extended", user_claims="identity"), token) == (200, "42")


def test_an_identity_that_is_an_object_is_refused(make_app: MakeApp) -> None:
    token = flask_jwt_extended({"id": 42}, JWT_IDENTITY_CLAIM="identity").access

    assert ask(make_app, migrated("flask-jwt-extended", user_claims="identity"), token) == (401, None)


def test_a_token_that_never_expires_is_refused(make_app: MakeApp) -> None:
    token = flask_jwt_extended(JWT_ACCESS_TOKEN_EXPIRES=False).access

    assert ask(make_app, entry_of("flask-jwt-extended"), token) == (401, None)


@pytest.mark.parametrize(("seconds", "status"), [(86_399, 200), (86_400, 200), (86_401, 401)])
def test_a_token_lives_for_24_hours_at_most(make_app: MakeApp, seconds: int, status: int) -> None:
    token = flask_jwt_extended(JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=seconds)).access

    assert ask(make_app, entry_of("flask-jwt-extended"), token)[0] == status


def test_a_longer_lifetime_is_given_to_the_entry(make_app: MakeApp) -> None:
    token = flask_jwt_extended(JWT_ACCESS_TOKEN_EXPIRES=timedelta(days=30)).access

    assert ask(make_app, migrated("flask-jwt-extended", max_lifetime=timedelta(days=30)), token) == (200, "42")


def test_a_token_that_was_made_with_another_secret_is_refused(make_app: MakeApp) -> None:
    token = flask_jwt_extended(JWT_SECRET_KEY="9c4e2b7a1f8d3e6059b2c7d4a1e8f306").access

    assert ask(make_app, entry_of("flask-jwt-extended"), token) == (401, None)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_given_to_the_entry(make_app: MakeApp, algorithm: str) -> None:
    token = flask_jwt_extended(JWT_ALGORITHM=algorithm, JWT_SECRET_KEY=OLD_SECRET * 2).access
    entry = migrated("flask-jwt-extended", secret=OLD_SECRET * 2)

    assert ask(make_app, entry, token) == (401, None)
    assert ask(make_app, migrated("flask-jwt-extended", secret=OLD_SECRET * 2, algorithms=algorithm), token)[0] == 200


def test_the_blocklist_of_the_old_library_is_asked(make_app: MakeApp) -> None:
    entry = migrated("flask-jwt-extended", revoked=lambda token: token.token_id in {"t1"})

    assert ask(make_app, entry, flask_jwt_extended(claims={"jti": "t1"}).access) == (401, None)
    assert ask(make_app, entry, flask_jwt_extended(claims={"jti": "t2"}).access) == (200, "42")


@pytest.mark.usefixtures("django")
@pytest.mark.parametrize("user_id", [42, "42"])
def test_an_access_token_of_simple_jwt_is_believed(make_app: MakeApp, user_id: object) -> None:
    assert ask(make_app, entry_of("simplejwt"), simple_jwt(user_id).access) == (200, "42")


@pytest.mark.usefixtures("django")
def test_a_number_as_versions_before_5_5_1_wrote_it_is_the_same_user(make_app: MakeApp) -> None:
    token = simple_jwt(claims={"user_id": 42}).access

    assert ask(make_app, entry_of("simplejwt"), token) == (200, "42")


@pytest.mark.usefixtures("django")
def test_a_refresh_token_of_simple_jwt_is_refused(make_app: MakeApp) -> None:
    assert ask(make_app, entry_of("simplejwt"), simple_jwt().refresh) == (401, None)


@pytest.mark.usefixtures("django")
def test_a_sliding_token_is_refused_unless_the_entry_expects_it(make_app: MakeApp) -> None:
    token = simple_jwt(claims={"token_type": "sliding"})
    entry = migrated("simplejwt", expected={"token_type": ["access", "sliding"]})

    assert ask(make_app, entry_of("simplejwt"), token.refresh) == (401, None)
    assert ask(make_app, entry, token.refresh) == (200, "42")


@pytest.mark.usefixtures("django")
@pytest.mark.parametrize("roles", [["admin"], "admin staff"])
def test_additional_claims_of_simple_jwt_are_mapped(make_app: MakeApp, roles: object) -> None:
    entry = migrated("simplejwt", scope_claims="groups", scopes={"admin": "reports:write"})

    assert ask(make_app, entry, simple_jwt(claims={"groups": roles}).access, "/reports") == (200, "42")
    assert ask(make_app, entry, simple_jwt().access, "/reports") == (403, None)


@pytest.mark.usefixtures("django")
@pytest.mark.parametrize("issuer", [None, OLD_ISSUER])
@pytest.mark.parametrize("audience", [None, OLD_AUDIENCE, [OLD_AUDIENCE, "other"]])
def test_issuer_and_audience_of_simple_jwt_are_given_to_the_entry(
    make_app: MakeApp, issuer: str | None, audience: Any
) -> None:
    token = simple_jwt(issuer=issuer, audience=audience).access
    other_issuer, other_audience = OLD_ISSUER if issuer is None else None, OLD_AUDIENCE if audience is None else None

    assert ask(make_app, migrated("simplejwt", issuer=issuer, audience=audience), token) == (200, "42")
    assert ask(make_app, migrated("simplejwt", issuer=other_issuer, audience=audience), token)[0] == 401
    assert ask(make_app, migrated("simplejwt", issuer=issuer, audience=other_audience), token)[0] == 401
