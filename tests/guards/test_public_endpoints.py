"""Each name in ``TOKENAUTH_PUBLIC_ENDPOINTS`` is the endpoint of a route, or stands for endpoints of a blueprint."""

from typing import Any

import pytest
from flask import Blueprint, Flask

from flask_tokenauth import SettingsError, TokenAuth

from ..conftest import MakeApp
from .routes_kit import make_view, status


def make_routes(make_app: MakeApp, public: Any, **config: object) -> Flask:
    """Return an application with the endpoints log_in, about, static, docs.index, docs.inner.page and pages.log_out."""
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS=public, **config)
    for rule, endpoint in (("/login", "log_in"), ("/about/", "about"), ("/both", "get_both")):
        app.add_url_rule(rule, endpoint, make_view())
    app.add_url_rule("/both", "post_both", make_view(), methods=["POST"])
    docs, inner, pages = (Blueprint(name, __name__) for name in ("docs", "inner", "pages"))
    docs.add_url_rule("/docs", "index", make_view())
    inner.add_url_rule("/docs/page", "page", make_view())
    pages.add_url_rule("/logout", "log_out", make_view())
    docs.register_blueprint(inner)
    app.register_blueprint(docs)
    app.register_blueprint(pages)
    app.register_blueprint(Blueprint("empty", __name__))
    return app


@pytest.mark.parametrize(
    "public", [[], ["log_in", "about"], "log_in", ["static"], ["docs.*"], ["docs.inner.*"], ["docs.inner.page"]]
)
def test_endpoints_that_routes_have_are_accepted(make_app: MakeApp, public: Any) -> None:
    TokenAuth().check(make_routes(make_app, public))


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("login", "names login, which is the endpoint of no route: did you mean log_in?"),
        ("log_out", "names log_out, which is the endpoint of no route: did you mean pages.log_out?"),
        ("zzz", "names zzz, which is the endpoint of no route: correct it, or remove it"),
        ("docs", "names docs, which is the endpoint of no route: for all endpoints of the blueprint write docs.*"),
        ("docs.page", "names docs.page, which is the endpoint of no route: did you mean docs.inner.page?"),
        ("doc.*", "names doc.*, but no route belongs to such a blueprint: did you mean docs.*?"),
        ("empty.*", "names empty.*, but no route belongs to such a blueprint: correct it, or remove it"),
        ("log_in.*", "names log_in.*, but no route belongs to such a blueprint: correct it, or remove it"),
        ("/login", "names /login, which is a path: write its endpoint, log_in"),
        ("login/", "names login/, which is a path: write its endpoint, log_in"),
        ("/about", "names /about, which is a path: write its endpoint, about"),
        ("/both", "names /both, which is a path: write its endpoint, get_both or post_both"),
        ("/zzz", "names /zzz, which is a path that no route has: write an endpoint, which flask routes shows"),
    ],
)
@pytest.mark.parametrize("default_guard", [None, "login_required"])
def test_a_name_that_no_route_has_stops_the_application(
    make_app: MakeApp, name: str, mistake: str, default_guard: str | None
) -> None:
    app = make_routes(make_app, ["about", name], TOKENAUTH_DEFAULT_GUARD=default_guard)

    with pytest.raises(SettingsError) as caught:
        status(app, "/about/")

    assert str(caught.value) == f"TOKENAUTH_PUBLIC_ENDPOINTS {mistake}"


@pytest.mark.parametrize("string", ["log_in,about", "log_in, about", "log_in about", " log_in , about,"[1:]])
def test_names_in_one_string_are_answered_with_a_list(make_app: MakeApp, string: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TokenAuth().check(make_routes(make_app, string))

    assert str(caught.value) == (
        f"TOKENAUTH_PUBLIC_ENDPOINTS names {string!r} as one endpoint: write a list "
        """(in the environment: FLASK_TOKENAUTH_PUBLIC_ENDPOINTS='["log_in", "about"]')"""
    )


def test_every_mistake_is_in_one_message(make_app: MakeApp) -> None:
    with pytest.raises(SettingsError) as caught:
        TokenAuth().check(make_routes(make_app, ["zzz", "/login"]))

    assert str(caught.value) == (
        "TOKENAUTH_PUBLIC_ENDPOINTS names /login, which is a path: write its endpoint, log_in; "
        "TOKENAUTH_PUBLIC_ENDPOINTS names zzz, which is the endpoint of no route: correct it, or remove it"
    )


def test_an_endpoint_with_a_comma_may_be_named(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS=["a, b"])
    app.add_url_rule("/x", "a, b", make_view())

    TokenAuth().check(app)
