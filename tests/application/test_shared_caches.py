"""The headers of answers for caches, on the WSGI side: they are joined, never lost."""

from typing import Any

import pytest
from flask import Flask, Response, abort, g, request, session
from werkzeug.test import Client, run_wsgi_app

from flask_tokenauth import login_required, shareable
from flask_tokenauth.application.shared_caches import Answer, SharedCaches, restrict

from ..conftest import MakeApp, Mint, bearer


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], ["Authorization"]),
        (["Origin"], ["Origin, Authorization"]),
        (["Origin", "Accept"], ["Origin, Accept, Authorization"]),
        (["Origin, Accept-Encoding"], ["Origin, Accept-Encoding, Authorization"]),
        ([""], ["Authorization"]),
        (["*"], ["*"]),
        (["Origin", "*"], ["Origin", "*"]),
        (["authorization"], ["authorization"]),
        (["Cookie, AUTHORIZATION"], ["Cookie, AUTHORIZATION"]),
    ],
)
def test_vary_names_authorization_beside_all_that_it_names(
    make_app: MakeApp, before: list[str], after: list[str]
) -> None:
    app = make_app()
    app.add_url_rule("/", view_func=lambda: Response("hello", headers=[("vary", value) for value in before]))

    assert app.test_client().get("/").headers.getlist("Vary") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("public", "private"),
        ("public, max-age=60", "max-age=60, private"),
        ("PUBLIC, Max-Age=60", "max-age=60, private"),
        ("s-maxage=60", "private"),
        ("max-age=60", "max-age=60, private"),
        ("must-revalidate", "must-revalidate, private"),
        ("private, max-age=60", "private, max-age=60"),
        ("no-cache", "no-cache"),
        ("public, no-cache", "no-cache, private"),
        ("no-store", "no-store"),
        ("public, no-store", "public, no-store"),
        ('private="Set-Cookie", max-age=60', "private, max-age=60"),
    ],
)
def test_the_answer_of_a_guarded_view_is_private(make_app: MakeApp, mint: Mint, before: str, after: str) -> None:
    app = make_app()
    app.add_url_rule("/", view_func=login_required(lambda: Response("hello", headers={"Cache-Control": before})))

    assert app.test_client().get("/", headers=bearer(mint())).headers["Cache-Control"] == after


@pytest.mark.parametrize("before", ["public; max-age=60", 'public, x="', 'no-cache="Set-Cookie", max-age=60'])
def test_the_answer_is_private_too_if_the_directives_are_unusual(make_app: MakeApp, mint: Mint, before: str) -> None:
    """Versions of werkzeug write them differently."""
    app = make_app()
    app.add_url_rule("/", view_func=login_required(lambda: Response("hello", headers={"Cache-Control": before})))

    answer = app.test_client().get("/", headers=bearer(mint()))

    directives = answer.headers["Cache-Control"].split(", ")
    assert directives[-1] == "private"
    assert "public" not in directives


def test_an_expiry_alone_is_private_too(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.add_url_rule("/", view_func=login_required(lambda: Response("x", headers={"Expires": "Thu, 01 Jan 2037"})))

    assert app.test_client().get("/", headers=bearer(mint())).headers["Cache-Control"] == "private"


def test_several_cache_control_lines_count_as_one(make_app: MakeApp, mint: Mint) -> None:
    lines = [("Cache-Control", "max-age=60"), ("cache-control", "public")]
    app = make_app()
    app.add_url_rule("/", view_func=login_required(lambda: Response("hello", headers=lines)))

    answer = app.test_client().get("/", headers=bearer(mint()))

    assert answer.headers.getlist("Cache-Control") == ["max-age=60, private"]


def test_an_open_view_keeps_its_cache_control(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.add_url_rule("/", view_func=lambda: Response("hello", headers={"Cache-Control": "public, s-maxage=9"}))

    answer = app.test_client().get("/", headers=bearer(mint()))

    assert answer.headers["Cache-Control"] == "public, s-maxage=9"
    assert answer.headers["Vary"] == "Authorization"


def test_a_guarded_function_in_an_open_view_makes_the_answer_private(make_app: MakeApp, mint: Mint) -> None:
    guarded: Any = login_required(lambda: g.user_id)
    app = make_app()
    app.add_url_rule("/", view_func=lambda: Response(guarded(), headers={"Cache-Control": "public"}))

    assert app.test_client().get("/", headers=bearer(mint())).headers["Cache-Control"] == "private"


def test_errors_of_flask_vary_too_since_their_handlers_may_ask_for_the_caller(make_app: MakeApp) -> None:
    app = make_app()
    app.register_error_handler(404, lambda error: (f"not found, {g.user_id}", 404))

    assert app.test_client().get("/nowhere").headers["Vary"] == "Authorization"


def test_static_files_of_flask_do_not_depend_on_the_caller(make_app: MakeApp, tmp_path: Any, mint: Mint) -> None:
    (tmp_path / "style.css").write_text("body {}")
    app = make_app()
    app.static_folder, app.config["SEND_FILE_MAX_AGE_DEFAULT"] = str(tmp_path), 60

    with app.test_client().get("/static/style.css", headers=bearer(mint())) as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert "Vary" not in answer.headers


def test_a_shareable_answer_says_nothing_about_the_next(make_app: MakeApp, tmp_path: Any) -> None:
    (tmp_path / "style.css").write_text("body {}")
    app = make_app()
    app.static_folder = str(tmp_path)
    app.add_url_rule("/", view_func=lambda: "hello")
    environ: dict[str, Any] = {}

    def keep(current: dict[str, Any], start: Any) -> Any:
        environ.update(current)
        return app.wsgi_app(environ, start)

    client = Client(keep)
    client.get("/static/style.css").close()

    assert client.get("/").headers["Vary"] == "Authorization"


def test_answers_of_middleware_inside_keep_their_cache_control() -> None:
    """WhiteNoise, for example, serves static files before Flask is asked."""

    def serve(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [("Cache-Control", "public, max-age=31536000")], None)
        return [b"body {}"]

    answer = Client(SharedCaches(serve)).get("/style.css")

    assert answer.headers["Cache-Control"] == "public, max-age=31536000"


def test_an_answer_that_is_started_once_more_after_an_error_reaches_the_server() -> None:
    """An application may replace the headers before they were sent, and gives the error (PEP 3333)."""
    error = (ValueError, ValueError("broken"), None)
    started: list[Any] = []

    def fail(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        start("500 INTERNAL SERVER ERROR", [], error)
        return []

    list(SharedCaches(fail)({}, lambda *arguments: started.append(arguments)))

    headers = [("Vary", "Authorization")]
    assert started == [("200 OK", headers), ("500 INTERNAL SERVER ERROR", headers, error)]


def test_headers_of_an_answer_that_flask_did_not_make_get_vary() -> None:
    headers = [("Vary", "Origin")]

    restrict(headers, Answer())

    assert headers == [("Vary", "Origin, Authorization")]


def test_two_applications_in_each_other_add_vary_once(make_app: MakeApp) -> None:
    outer, inner = make_app(), make_app()
    inner.add_url_rule("/", view_func=lambda: "hello")
    outer.wsgi_app = SharedCaches(inner.wsgi_app)  # type: ignore[method-assign]

    assert outer.test_client().get("/").headers.getlist("Vary") == ["Authorization"]


def test_a_session_of_flask_and_the_caller_are_both_named(make_app: MakeApp) -> None:
    app = make_app()

    def visit() -> str:
        session["visits"] = 1
        return "hello"

    app.add_url_rule("/", view_func=visit)

    assert app.test_client().get("/").headers.getlist("Vary") == ["Cookie, Authorization"]


def make_refusing(app: Flask) -> Flask:
    app.add_url_rule("/", view_func=login_required(lambda: "hello"))
    return app


def test_a_refusal_is_not_stored(make_app: MakeApp) -> None:
    answer = make_refusing(make_app()).test_client().get("/")

    assert answer.headers.getlist("Cache-Control") == ["no-store"]
    assert answer.headers["Vary"] == "Authorization"


def test_a_refusal_that_a_handler_answers_is_not_stored(make_app: MakeApp) -> None:
    app = make_refusing(make_app())
    app.register_error_handler(401, lambda error: ("sorry", 401, {"Cache-Control": "public"}))

    assert app.test_client().get("/").headers.getlist("Cache-Control") == ["no-store"]


def test_a_refusal_that_a_function_makes_new_is_not_stored(make_app: MakeApp) -> None:
    app = make_refusing(make_app())
    app.after_request(lambda response: Response("sorry", response.status_code))

    assert app.test_client().get("/").headers.getlist("Cache-Control") == ["no-store"]


def test_a_refusal_that_a_function_lets_caches_keep_is_not_stored(make_app: MakeApp) -> None:
    def keep(response: Response) -> Response:
        response.headers.add("Cache-Control", "public, max-age=99")
        return response

    app = make_refusing(make_app())
    app.after_request(keep)

    assert app.test_client().get("/").headers.getlist("Cache-Control") == ["no-store"]


@pytest.mark.parametrize("inner", ["/open", "/prices"])
def test_a_request_inside_a_guarded_view_does_not_open_its_answer(make_app: MakeApp, mint: Mint, inner: str) -> None:
    app = make_app()

    def batch() -> Response:
        with app.request_context({**request.environ, "PATH_INFO": inner}):
            text = app.full_dispatch_request().get_data(as_text=True)
        return Response(text, headers={"Cache-Control": "public"})

    app.add_url_rule("/", "batch", login_required(batch))
    app.add_url_rule("/open", "open", lambda: "open")
    app.add_url_rule("/prices", "prices", shareable(lambda: "prices"))

    answer = app.test_client().get("/", headers=bearer(mint()))

    assert answer.status_code == 200
    assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == ("private", "Authorization")


def send_on(app: Flask, environ: dict[str, Any], path: str) -> None:
    """Send a request of a view on to another path of the application, and restore its path."""
    own, environ["PATH_INFO"] = environ["PATH_INFO"], path
    run_wsgi_app(app.wsgi_app, environ)
    environ["PATH_INFO"] = own


@pytest.mark.parametrize("is_copied", [False, True])
def test_a_request_that_an_open_view_sends_on_does_not_open_its_answer(
    make_app: MakeApp, mint: Mint, *, is_copied: bool
) -> None:
    app = make_app()

    @login_required(is_view=False)
    def read_secret() -> str:
        return f"secret of {g.user_id}"

    def view() -> Response:
        send_on(app, dict(request.environ) if is_copied else request.environ, "/open")
        return Response(read_secret(), headers={"Cache-Control": "public, max-age=60"})

    app.add_url_rule("/", "view", view)
    app.add_url_rule("/open", "open", lambda: "open")

    answer = app.test_client().get("/", headers=bearer(mint()))

    assert answer.text == "secret of alice"
    assert answer.headers["Cache-Control"] == "max-age=60, private"


@pytest.mark.parametrize("is_copied", [False, True])
def test_a_guarded_answer_that_an_open_view_hands_on_is_private(
    make_app: MakeApp, mint: Mint, *, is_copied: bool
) -> None:
    app = make_app()

    def view() -> Response:
        environ = dict(request.environ) if is_copied else request.environ
        send_on(app, environ, "/me")
        return Response("what /me has answered", headers={"Cache-Control": "public, max-age=60"})

    app.add_url_rule("/", "view", shareable(view))
    app.add_url_rule("/me", "me", login_required(lambda: "secret"))
    client = app.test_client()

    answer, refused = client.get("/", headers=bearer(mint())), client.get("/")

    assert answer.headers["Cache-Control"] == "max-age=60, private"
    assert refused.headers["Cache-Control"] == "no-store"
    assert answer.headers["Vary"] == refused.headers["Vary"] == "Authorization"


def test_an_answer_of_a_guarded_hook_without_a_route_is_private(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.before_request(login_required(lambda: Response(f"file of {g.user_id}", headers={"Cache-Control": "public"})))

    assert app.test_client().get("/nowhere", headers=bearer(mint())).headers["Cache-Control"] == "private"


def test_an_answer_that_a_hook_raises_before_a_guarded_view_is_private(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.before_request(lambda: abort(Response(f"page of {g.user_id}", headers={"Cache-Control": "public"})))
    app.add_url_rule("/x", view_func=login_required(lambda: "never called"))

    answer = app.test_client().get("/x", headers=bearer(mint()))

    assert (answer.text, answer.headers["Cache-Control"]) == ("page of alice", "private")
