"""The findings of the doctor about cookies."""

from typing import Any

import pytest
from flask import Blueprint, Flask
from flask_cors import CORS, cross_origin

from flask_tokenauth import TokenAuth, login_required
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp
from ..guards.routes_kit import make_view
from .doctor_kit import GOOD, find

pytestmark = pytest.mark.usefixtures("no_other_guards")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def make(make_app: MakeApp, store: MemoryStore, mode: str = "all") -> Flask:
    auth = TokenAuth[str]()
    app = make_app(auth=auth, **GOOD, TOKENAUTH_STORE=store, TOKENAUTH_COOKIES=mode)
    app.register_blueprint(auth.endpoints)
    app.add_url_rule("/api/x", view_func=login_required(make_view()), endpoint="x")
    return app


def about_cors(app: Flask) -> list[tuple[str, str]]:
    return [(each.severity, each.sentence) for each in find(app) if "Flask-CORS" in each.sentence]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"origins": "*"},
        {"origins": "*", "supports_credentials": True},
        {"origins": [".*"], "supports_credentials": True},
        {"origins": r"https://.*", "supports_credentials": True},
        {"origins": ["https://app.example", "https://.*"]},
        {"send_wildcard": True},
        {"origins": ["null", "https://app.example"], "supports_credentials": True},
        {"resources": {r"/api/*": {"origins": "*"}}},
        {"resources": {r"/api/x": {"origins": ".*", "supports_credentials": True}}},
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["refresh", "all"])
def test_origins_without_limits_are_a_warning(
    make_app: MakeApp, store: MemoryStore, options: dict[str, Any], mode: str
) -> None:
    app = make(make_app, store, mode)
    CORS(app, **options)

    [(severity, sentence)] = about_cors(app)

    assert severity == "warning"
    assert f'TOKENAUTH_COOKIES is "{mode}"' in sentence


def test_the_warning_names_the_paths(make_app: MakeApp, store: MemoryStore) -> None:
    app = make(make_app, store)
    CORS(app, resources={r"/api/*": {"origins": "*"}})

    [(_, sentence)] = about_cors(app)

    assert sentence.startswith("Flask-CORS lets pages of every origin read answers (/api/x), and")


@pytest.mark.parametrize(
    "options",
    [
        {"origins": "https://app.example", "supports_credentials": True},
        {"origins": [r"https://[a-z]+\.app\.example"], "supports_credentials": True},
        {"resources": {r"/other/*": {"origins": "*"}}},
    ],
    ids=str,
)
def test_named_origins_are_fine(make_app: MakeApp, store: MemoryStore, options: dict[str, Any]) -> None:
    app = make(make_app, store)
    CORS(app, **options)

    assert about_cors(app) == []


def test_a_blueprint_with_cors_of_its_own_is_seen(make_app: MakeApp, store: MemoryStore) -> None:
    app, blueprint = make(make_app, store), Blueprint("more", __name__, url_prefix="/more")
    blueprint.add_url_rule("/y", view_func=login_required(make_view()), endpoint="y")
    CORS(blueprint, supports_credentials=True)
    app.register_blueprint(blueprint)

    [(_, sentence)] = about_cors(app)

    assert sentence.startswith("Flask-CORS lets pages of every origin read answers (/more/y), and")


def test_the_decorator_of_flask_cors_is_not_seen(make_app: MakeApp, store: MemoryStore) -> None:
    """It runs within the view, which the doctor does not call."""
    app = make(make_app, store)
    app.add_url_rule("/y", view_func=cross_origin()(login_required(make_view())), endpoint="y")

    assert about_cors(app) == []


def test_without_cookies_every_origin_is_fine(make_app: MakeApp, store: MemoryStore) -> None:
    app = make(make_app, store, "off")
    CORS(app)

    assert about_cors(app) == []


def test_the_doctor_calls_no_function_of_the_application(make_app: MakeApp, store: MemoryStore) -> None:
    app = make(make_app, store)
    called: list[Any] = []
    app.after_request(called.append)
    CORS(app)

    assert (len(about_cors(app)), called) == (1, [])


@pytest.mark.parametrize("registered", [True, False])
def test_cookies_without_endpoints_are_a_warning(make_app: MakeApp, store: MemoryStore, *, registered: bool) -> None:
    auth = TokenAuth[str]()
    app = make_app(auth=auth, **GOOD, TOKENAUTH_STORE=store, TOKENAUTH_COOKIES="all")
    if registered:
        app.register_blueprint(auth.endpoints, name="sessions")

    found = [(each.severity, each.sentence) for each in find(app) if "TOKENAUTH_COOKIES" in each.sentence]

    assert [severity for severity, _ in found] == ([] if registered else ["warning"])
    assert all("register the blueprint auth.endpoints" in sentence for _, sentence in found)
