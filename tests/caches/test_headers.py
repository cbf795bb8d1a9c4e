"""Headers that keep the answer for one caller from another: ``Vary``, ``private`` and ``no-store`` (RFC 9111)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, g, session
from werkzeug.exceptions import HTTPException

from flask_tokenauth import NotAuthenticated, TokenAuth, login_optional, login_required, public, shareable

from ..conftest import MakeApp, Mint, bearer
from ..guards.kit import CLOSED, Decorator, hide, leave
from .kit import GUARDED, OPEN, USERS, headers_of, make_app


def serve(make_app: MakeApp, guard: Decorator, **headers: str) -> Flask:
    """Return an application with a view on /x that answers with these headers."""
    app = make_app()
    app.add_url_rule(
        "/x",
        "x",
        guard(lambda: Response("served", headers={key.replace("_", "-"): value for key, value in headers.items()})),
    )
    return app


def vary(answer: Any) -> set[str]:
    """Return the names in ``Vary``, which must be one line."""
    [line] = answer.headers.getlist("Vary")
    return {name.strip() for name in line.split(",")}


# Vary


@pytest.mark.slow
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("path", [*GUARDED, *OPEN, "/scope", "/nowhere"])
def test_an_answer_that_may_depend_on_the_caller_varies_by_token(
    tmp_path: Path, mint: Mint, path: str, user: str | None
) -> None:
    with make_app(tmp_path).test_client().get(path, headers=headers_of(user, mint)) as answer:
        assert vary(answer) == {"Authorization"}


@pytest.mark.parametrize(("headers", "status"), [({"If-None-Match": "*"}, 304), ({"Range": "bytes=0-1"}, 206)])
def test_a_part_of_a_file_and_a_304_vary_by_token(
    tmp_path: Path, mint: Mint, headers: dict[str, str], status: int
) -> None:
    with make_app(tmp_path).test_client().get("/file", headers=headers_of("alice", mint) | headers) as answer:
        assert (answer.status_code, vary(answer)) == (status, {"Authorization"})


@pytest.mark.parametrize("error", [400, 403, 404, 409, 500, 503])
def test_an_error_of_a_view_varies_by_token(make_app: MakeApp, mint: Mint, error: int) -> None:
    app = make_app()
    app.add_url_rule("/x", "x", login_required(lambda: abort(error)))

    answer = app.test_client().get("/x", headers=bearer(mint()))

    assert (answer.status_code, vary(answer)) == (error, {"Authorization"})


def test_an_error_without_a_handler_varies_by_token(make_app: MakeApp) -> None:
    app = make_app(TESTING=False)
    app.add_url_rule("/x", "x", lambda: str(1 / 0))

    answer = app.test_client().get("/x")

    assert (answer.status_code, vary(answer)) == (500, {"Authorization"})


@pytest.mark.parametrize("guard", [leave, login_required, login_optional, public], ids=lambda guard: guard.__name__)
@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        ("Accept", {"Accept", "Authorization"}),
        ("Accept, Cookie", {"Accept", "Cookie", "Authorization"}),
        ("Authorization", {"Authorization"}),
        ("authorization, Accept", {"authorization", "Accept"}),
        ("Accept-Authorization", {"Accept-Authorization", "Authorization"}),
        ("", {"Authorization"}),
        ("*", {"*"}),
    ],
)
def test_vary_has_what_it_had(
    make_app: MakeApp, mint: Mint, guard: Decorator, existing: str, expected: set[str]
) -> None:
    answer = serve(make_app, guard, Vary=existing).test_client().get("/x", headers=bearer(mint()))

    assert vary(answer) == expected


@pytest.mark.parametrize(
    "names", [["Accept", "Cookie"], ["Accept", "Accept, Cookie"], ["Accept", "", "Cookie"]], ids=str
)
def test_several_lines_of_vary_are_joined(make_app: MakeApp, mint: Mint, names: list[str]) -> None:
    app = make_app()
    app.add_url_rule("/x", "x", login_required(lambda: Response(headers=[("Vary", name) for name in names])))

    assert vary(app.test_client().get("/x", headers=bearer(mint()))) == {"Accept", "Cookie", "Authorization"}


@pytest.mark.parametrize("names", [["Accept", "*"], ["*", "Accept"]], ids=str)
def test_a_star_among_several_lines_of_vary_stays(make_app: MakeApp, names: list[str]) -> None:
    app = make_app()
    app.add_url_rule("/x", "x", lambda: Response(headers=[("Vary", name) for name in names]))

    assert "*" in ",".join(app.test_client().get("/x").headers.getlist("Vary"))


@pytest.mark.parametrize("where", ["app", "blueprint"])
def test_a_new_response_of_an_after_request_function_varies_by_token(make_app: MakeApp, where: str) -> None:
    app, blueprint = make_app(), Blueprint("bp", __name__)
    owner: Any = app if where == "app" else blueprint
    owner.after_request(lambda response: Response("another", headers={"Vary": "Cookie"}))
    blueprint.add_url_rule("/x", "x", lambda: "served")
    app.register_blueprint(blueprint)

    answer = app.test_client().get("/x")

    assert (answer.text, vary(answer)) == ("another", {"Cookie", "Authorization"})


def test_an_answer_with_a_session_varies_by_cookie_and_token(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/x", "x", lambda: str(session.get("name")))

    assert vary(app.test_client().get("/x")) == {"Cookie", "Authorization"}


def test_a_static_file_does_not_vary(tmp_path: Path, mint: Mint) -> None:
    with make_app(tmp_path).test_client().get("/static/alice.txt", headers=headers_of("bob", mint)) as answer:
        assert (answer.data, answer.cache_control.public) == (b"of alice", True)
        assert "Vary" not in answer.headers


def test_the_error_page_of_a_missing_static_file_varies_by_token(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.register_error_handler(404, lambda error: (f"Sorry, {g.user_id}.", 404))

    answer = app.test_client().get("/static/nothing", headers=bearer(mint()))

    assert (answer.text, vary(answer)) == ("Sorry, alice.", {"Authorization"})


def test_a_static_file_of_a_protected_blueprint_varies_and_is_private(
    make_app: MakeApp, tmp_path: Path, mint: Mint
) -> None:
    auth, blueprint = TokenAuth(), Blueprint("bp", __name__, static_folder=str(tmp_path), static_url_path="/files")
    auth.protect(blueprint)
    app = make_app(auth=auth, SEND_FILE_MAX_AGE_DEFAULT=60)
    app.register_blueprint(blueprint)
    (tmp_path / "a.txt").write_text("secret")

    with app.test_client().get("/files/a.txt", headers=bearer(mint())) as answer:
        assert vary(answer) == {"Authorization"}
        assert directives(answer) == {"private", "max-age=60"}


# Cache-Control of guarded routes


def directives(answer: Any) -> set[str]:
    """Return the directives of ``Cache-Control``, which must be one line, in lower case."""
    [line] = answer.headers.getlist("Cache-Control")
    return {directive.strip().lower() for directive in line.split(",")}


RESTRICTED = [
    ("public", {"private"}),
    ("public, max-age=60", {"private", "max-age=60"}),
    ("max-age=60, public, no-transform", {"private", "max-age=60", "no-transform"}),
    ("Public, Max-Age=60, S-MaxAge=60", {"private", "max-age=60"}),
    ("s-maxage=60", {"private"}),
    ("public, max-age=60, stale-while-revalidate=30", {"private", "max-age=60", "stale-while-revalidate=30"}),
    ("private, max-age=60", {"private", "max-age=60"}),
    ("no-store", {"no-store"}),
    ("no-cache, no-store", {"no-cache", "no-store"}),
    ("no-cache", {"no-cache"}),
]


@pytest.mark.parametrize(("given", "expected"), RESTRICTED)
@pytest.mark.parametrize("guard", [login_required, lambda view: hide(login_required(view))], ids=["seen", "hidden"])
def test_a_guarded_answer_is_private(
    make_app: MakeApp, mint: Mint, guard: Decorator, given: str, expected: set[str]
) -> None:
    answer = serve(make_app, guard, Cache_Control=given).test_client().get("/x", headers=bearer(mint()))

    assert (answer.text, directives(answer)) == ("served", expected)


def test_a_guarded_answer_that_must_be_revalidated_is_private(tmp_path: Path, mint: Mint) -> None:
    """RFC 9111 section 3.5: with must-revalidate a shared cache may keep the answer to a request with a token."""
    answer = make_app(tmp_path).test_client().get("/must-revalidate", headers=headers_of("alice", mint))

    assert directives(answer) == {"private", "must-revalidate", "max-age=3600"}


def test_several_lines_of_cache_control_are_read_together(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    lines = [("Cache-Control", "max-age=60"), ("Cache-Control", "public")]
    app.add_url_rule("/x", "x", login_required(lambda: Response(headers=lines)))

    assert directives(app.test_client().get("/x", headers=bearer(mint()))) == {"private", "max-age=60"}


@pytest.mark.parametrize("given", ["public, max-age=60", "s-maxage=60", "max-age=60", "no-cache"])
@pytest.mark.parametrize("guard", [leave, login_optional, public], ids=lambda guard: guard.__name__)
def test_an_answer_of_an_open_route_may_be_public(make_app: MakeApp, mint: Mint, guard: Decorator, given: str) -> None:
    answer = serve(make_app, guard, Cache_Control=given).test_client().get("/x", headers=bearer(mint()))

    assert directives(answer) == set(given.split(", "))


def test_an_answer_under_the_default_guard_is_private(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/x", "x", lambda: Response(headers={"Cache-Control": "public"}))

    assert directives(app.test_client().get("/x", headers=bearer(mint()))) == {"private"}


def test_an_answer_of_a_hook_in_place_of_a_guarded_view_is_private(make_app: MakeApp, mint: Mint) -> None:
    app = serve(make_app, login_required)
    app.before_request(lambda: Response("answered", headers={"Cache-Control": "public"}))

    answer = app.test_client().get("/x", headers=bearer(mint()))

    assert (answer.text, directives(answer), vary(answer)) == ("answered", {"private"}, {"Authorization"})


@pytest.mark.parametrize(("headers", "status"), [({"If-None-Match": "*"}, 304), ({"Range": "bytes=0-1"}, 206)])
def test_a_304_and_a_part_of_a_file_are_private(
    tmp_path: Path, mint: Mint, headers: dict[str, str], status: int
) -> None:
    with make_app(tmp_path).test_client().get("/file", headers=headers_of("alice", mint) | headers) as answer:
        assert (answer.status_code, directives(answer)) == (status, {"private", "max-age=3600"})


def test_an_after_request_function_cannot_make_a_guarded_answer_public(make_app: MakeApp, mint: Mint) -> None:
    app = serve(make_app, login_required)
    app.after_request(lambda response: Response("another", headers={"Cache-Control": "public"}))

    assert directives(app.test_client().get("/x", headers=bearer(mint()))) == {"private"}


# Shareable views

ORDERS: list[Callable[[Any], Any]] = [
    lambda view: shareable(login_required(view)),
    lambda view: login_required(shareable(view)),
    shareable,
]


@pytest.mark.parametrize("decorate", ORDERS, ids=["above the guard", "below the guard", "open"])
def test_a_shareable_answer_stays_as_it_is(make_app: MakeApp, mint: Mint, decorate: Decorator) -> None:
    app = serve(make_app, decorate, Cache_Control="public, max-age=60", Vary="Accept")

    answer = app.test_client().get("/x", headers=bearer(mint()))

    assert directives(answer) == {"public", "max-age=60"}
    assert vary(answer) == {"Accept"}


@pytest.mark.parametrize("decorate", ORDERS[:2], ids=["above the guard", "below the guard"])
def test_a_refusal_of_a_shareable_view_is_not_shared(make_app: MakeApp, decorate: Decorator) -> None:
    answer = serve(make_app, decorate, Cache_Control="public, max-age=60").test_client().get("/x")

    assert (answer.status_code, directives(answer)) == (401, {"no-store"})


def test_the_error_page_of_a_shareable_view_varies_by_token(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.register_error_handler(404, lambda error: (f"Sorry, {g.user_id}.", 404))
    app.add_url_rule("/x", "x", shareable(lambda: abort(404)))

    answer = app.test_client().get("/x", headers=bearer(mint()))

    assert (answer.text, vary(answer)) == ("Sorry, alice.", {"Authorization"})


def test_the_default_guard_guards_a_shareable_view(make_app: MakeApp) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/x", "x", shareable(lambda: "served"))

    assert app.test_client().get("/x").status_code == 401


# Refusals


def raise_refusal() -> str:
    raise NotAuthenticated("Wrong password.")


@pytest.mark.parametrize(
    "view",
    [login_required(lambda: ""), hide(login_required(lambda: "")), login_optional(lambda: ""), raise_refusal],
    ids=["guard", "hidden guard", "optional login", "raised in a view"],
)
@pytest.mark.parametrize("handled", [False, True], ids=["", "with a handler"])
def test_no_cache_keeps_a_refusal(make_app: MakeApp, view: Any, *, handled: bool) -> None:
    app = make_app()
    app.add_url_rule("/x", "x", view)
    if handled:
        public_for_long = {"Cache-Control": "public, max-age=60"}
        app.register_error_handler(HTTPException, lambda error: ("", error.code, public_for_long))

    answer = app.test_client().get("/x", headers=bearer("x.y.z"))

    assert (answer.status_code, directives(answer), vary(answer)) == (401, {"no-store"}, {"Authorization"})


def test_an_after_request_function_cannot_let_caches_keep_a_refusal(make_app: MakeApp) -> None:
    def let_all_keep(response: Response) -> Response:
        response.headers["Cache-Control"] = "public, max-age=60"
        return response

    app = serve(make_app, login_required)
    app.after_request(let_all_keep)

    answer = app.test_client().get("/x")

    assert (answer.status_code, directives(answer)) == (401, {"no-store"})
