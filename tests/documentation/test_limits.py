"""The pages are right about the limits of guards, checks and tokens."""

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, copy_current_request_context, g
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from flask_tokenauth import (
    AuthError,
    Token,
    TokenAuth,
    create_token,
    get_token,
    login_optional,
    login_required,
    public,
    require_scope,
    token_response,
)
from flask_tokenauth.core import Key, KeySet
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.token_errors import TokenRevoked
from flask_tokenauth.testing import logged_in, token_headers

from ..conftest import MakeApp, Mint, bearer
from ..guards.kit import CLOSED


def fresh() -> Callable[..., Any]:
    """Return a new view: guards mark what they guard."""
    return lambda *args, **kwargs: "served"


def status_of(app: Flask, url: str, headers: dict[str, str] | None = None) -> int:
    return app.test_client().get(url, headers=headers).status_code


# Guards


def with_wraps(view: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a view as most people do."""

    @wraps(view)
    def call(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return call


def without_wraps(view: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a view and hide it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return call


@pytest.mark.parametrize("opening", [public, login_optional])
@pytest.mark.parametrize(("between", "status"), [(with_wraps, 200), (without_wraps, 401)])
def test_what_opens_a_view_counts_under_decorators_that_use_wraps(
    make_app: MakeApp, mint: Mint, opening: Any, between: Callable[..., Any], status: int
) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/view", view_func=between(opening(fresh())), endpoint="view")

    assert [status_of(app, "/view"), status_of(app, "/view", bearer(mint()))] == [status, 200]


def test_a_view_that_wraps_a_public_one_is_open_as_well(make_app: MakeApp) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/view", view_func=wraps(public(fresh()))(fresh()), endpoint="view")

    assert status_of(app, "/view") == 200


def test_a_function_that_serves_two_routes_is_guarded_on_both_and_in_every_application(make_app: MakeApp) -> None:
    app, other, view = make_app(), make_app(), fresh()
    app.add_url_rule("/one", view_func=view, endpoint="one")
    app.add_url_rule("/two", view_func=require_scope("a")(view), endpoint="two")
    other.add_url_rule("/one", view_func=view, endpoint="one")

    assert [status_of(app, "/one"), status_of(app, "/two"), status_of(other, "/one")] == [401, 401, 401]


def test_what_is_refused_on_an_error_handler_is_a_500(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(PROPAGATE_EXCEPTIONS=False)
    app.register_error_handler(404, login_required(lambda error: ("not found", 404)))

    assert status_of(app, "/nowhere", bearer(mint())) == 404
    assert status_of(app, "/nowhere") == 500


@pytest.mark.parametrize("dispatch", ["dispatch_request", "full_dispatch_request"])
def test_many_requests_in_one_are_guarded(make_app: MakeApp, dispatch: str) -> None:
    app, blueprint = make_app(**CLOSED), Blueprint("inner", __name__)
    TokenAuth().protect(blueprint)
    blueprint.add_url_rule("/protected", view_func=fresh(), endpoint="protected")
    app.register_blueprint(blueprint)
    app.add_url_rule("/closed", view_func=fresh(), endpoint="closed")

    @app.get("/batch")
    @public
    def batch() -> list[int]:
        statuses = []
        for url in ("/protected", "/closed"):
            with app.test_request_context(url):
                try:
                    answer = getattr(app, dispatch)()
                except AuthError as error:
                    answer = error.response
                statuses.append(answer.status_code)
        return statuses

    assert app.test_client().get("/batch").get_json() == [401, 401]


class Thing(BaseConverter):
    """Makes an object of what the URL matched."""

    def to_python(self, value: str) -> Any:
        return {"name": value.lower()}

    def to_url(self, value: Any) -> str:
        return f"thing-{value['name']}"


def test_a_placeholder_is_what_the_converter_makes_of_its_object(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.url_map.converters["thing"] = Thing
    app.add_url_rule("/<thing:thing>", view_func=require_scope("see:{thing}")(fresh()), endpoint="thing")

    assert status_of(app, "/ABC", bearer(mint(scope="see:ABC"))) == 403
    assert status_of(app, "/ABC", bearer(mint(scope="see:thing-abc"))) == 200


# Who is calling


def test_a_copy_of_the_request_context_knows_the_caller_and_has_a_new_g(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth)

    @app.get("/view")
    @login_required
    def view() -> list[Any]:
        @copy_current_request_context
        def work() -> list[Any]:
            token = get_token()
            return [g.get("user_id"), auth.user_id, token and token.token_id]

        with ThreadPoolExecutor() as pool:
            return pool.submit(work).result()

    assert app.test_client().get("/view", headers=bearer(mint())).get_json() == [None, "alice", "t1"]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_token_is_copied_as_a_dict(make_app: MakeApp, mint: Mint, duplicate: Callable[[Any], Any]) -> None:
    auth = TokenAuth()
    with make_app(auth=auth).app_context():
        token = auth.verify(mint())

    with pytest.raises(TypeError):
        duplicate(token)
    assert duplicate(token.to_dict()) == mint.claims()


def test_what_a_check_raises_is_the_answer_of_public_views_too(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth)
    app.add_url_rule("/view", view_func=public(fresh()), endpoint="view")
    auth.token_check(lambda token: abort(403))

    assert [status_of(app, "/view"), status_of(app, "/view", bearer(mint()))] == [200, 403]


def test_an_async_check_is_waited_for_except_by_verify_in_an_async_view(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth, PROPAGATE_EXCEPTIONS=False)

    @auth.token_check
    async def check(token: Token) -> bool:
        return True

    @app.get("/sync")
    @login_required
    def look() -> str:
        return auth.verify(mint()).subject

    @app.get("/async")
    @login_required
    async def look_later() -> str:
        return auth.verify(mint()).subject

    assert [status_of(app, "/sync", bearer(mint())), status_of(app, "/async", bearer(mint()))] == [200, 500]


# Answers


def test_only_what_is_no_matter_of_an_access_token_is_shaped_after_the_request(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://")
    app.register_blueprint(auth.endpoints)
    app.register_error_handler(HTTPException, lambda error: ("handled", error.code))
    app.register_error_handler(AuthError, lambda error: ("handled", error.code))
    seen: list[int] = []

    @app.after_request
    def see(response: Response) -> Response:
        seen.append(response.status_code)
        return response

    client = app.test_client()

    plain = [
        client.post("/auth/refresh"),
        client.post("/auth/refresh", data={"grant_type": "x" * 20_000}),
        client.post("/auth/revoke"),
    ]
    handled = [client.get("/auth/sessions", headers=headers) for headers in ({}, bearer(mint()))]
    app.config["MAX_CONTENT_LENGTH"] = 100
    handled.append(client.post("/auth/refresh", data={"grant_type": "x" * 200}))

    assert [answer.get_json()["error"] for answer in plain] == ["invalid_request"] * 3
    assert [answer.text for answer in handled] == ["handled"] * 3
    assert seen == [400, 413, 400, 401, 401, 413]


# Tests of applications


def test_a_test_gets_a_session_from_the_login_view(make_app: MakeApp) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://")
    app.register_blueprint(auth.endpoints)
    app.add_url_rule("/login", view_func=lambda: token_response("alice"), methods=["POST"], endpoint="login")

    made = token_headers(app, "alice")
    got = bearer(app.test_client().post("/login").get_json()["access_token"])

    assert [status_of(app, "/auth/sessions", made), status_of(app, "/auth/sessions", got)] == [401, 200]
    assert logged_in(app, "alice").post("/auth/logout").status_code == 401
    assert app.test_client().post("/auth/logout", headers=got).status_code == 204


# Tokens

ORDERS = {  # how many points there are on the curve, and the bytes of a number in a signature
    "ES256": (0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551, 32),
    "ES384": (2**384 - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D, 48),
    "ES512": (2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7, 66),
}


@pytest.mark.parametrize("algorithm", ORDERS)
def test_of_an_ecdsa_signature_there_is_a_second_that_is_revoked_with_it(make_app: MakeApp, algorithm: str) -> None:
    auth = TokenAuth()
    keys = KeySet([Key.generate(algorithm)])
    app = make_app(auth=auth, TOKENAUTH_KEYS=keys, TOKENAUTH_STORE="memory://")
    order, size = ORDERS[algorithm]
    with app.app_context():
        first = create_token("alice")
        signed, _, signature = first.rpartition(".")
        r, s = (base64url.decode(signature.encode())[part] for part in (slice(size), slice(size, None)))
        negative = (order - int.from_bytes(s, "big")).to_bytes(size, "big")
        second = f"{signed}.{base64url.encode(r + negative).decode()}"

        assert auth.verify(second).claims == auth.verify(first).claims
        auth.revoke_token(auth.verify(second).token_id)

        for text in (first, second):
            with pytest.raises(TokenRevoked):
                auth.verify(text)
