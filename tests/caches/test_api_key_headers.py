"""Headers for caches where API keys come in a header of their own, which shared caches do not know."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, abort, redirect, session
from werkzeug.test import Client

from flask_tokenauth import TokenAuth, login_optional, login_required, public, require_scope, shareable
from flask_tokenauth.application.shared_caches import Answer, SharedCaches, restrict
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp, Mint, bearer
from ..guards.kinds_kit import HEADER, add_api_key, looked_up

BOTH = "Authorization, X-API-Key"


@pytest.fixture
def key(store: MemoryStore) -> dict[str, str]:
    return {HEADER: add_api_key(store)}


MakeKeyApp = Callable[..., Flask]


@pytest.fixture
def make_key_app(make_app: MakeApp, store: MemoryStore) -> MakeKeyApp:
    def make(**options: Any) -> Flask:
        return make_app(**looked_up(store), **options)

    return make


def cached(answer: Any) -> tuple[list[str], list[str]]:
    """Return the lines of ``Vary`` and of ``Cache-Control``."""
    return answer.headers.getlist("Vary"), answer.headers.getlist("Cache-Control")


#: ``Cache-Control`` of a view, and what becomes of it with the header and without it, where the view is open.
CONTROLS = [
    ("", "private", ""),
    ("public", "private", "public"),
    ("public, max-age=60", "max-age=60, private", "public, max-age=60"),
    ("PUBLIC, S-MaxAge=60", "private", "PUBLIC, S-MaxAge=60"),
    ("s-maxage=60", "private", "s-maxage=60"),
    ("max-age=60", "max-age=60, private", "max-age=60"),
    ("no-cache", "no-cache, private", "no-cache"),
    ("public, no-cache", "no-cache, private", "public, no-cache"),
    ("private, max-age=60", "private, max-age=60", "private, max-age=60"),
    ("no-store", "no-store", "no-store"),
    ("must-revalidate", "must-revalidate, private", "must-revalidate"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("given", "with_key", "without"), CONTROLS)
@pytest.mark.parametrize(
    "guard", [lambda view: view, public, login_optional(api_keys=True)], ids=["open", "public", "o"]
)
def test_an_open_view_is_private_only_for_requests_with_the_header(
    make_key_app: MakeKeyApp, key: Any, *, guard: Any, given: str, with_key: str, without: str
) -> None:
    app = make_key_app()
    headers: dict[str, str] = {"Cache-Control": given} if given else {}
    app.add_url_rule("/x", "x", guard(lambda: Response("x", headers=headers)))

    assert cached(app.test_client().get("/x", headers=key)) == ([BOTH], [with_key])
    assert cached(app.test_client().get("/x")) == ([BOTH], [without] if without else [])


@pytest.mark.parametrize(("given", "expected", "_"), CONTROLS)
@pytest.mark.parametrize(
    "guard", [require_scope("reports:read"), login_required(api_keys=True)], ids=["scope", "login"]
)
def test_a_guarded_view_is_private_for_requests_with_the_header(
    make_key_app: MakeKeyApp, key: Any, *, guard: Any, given: str, expected: str, _: str
) -> None:
    app = make_key_app()
    headers: dict[str, str] = {"Cache-Control": given} if given else {}
    app.add_url_rule("/x", "x", guard(lambda: Response("x", headers=headers)))

    answer = app.test_client().get("/x", headers=key)

    assert (answer.status_code, *cached(answer)) == (200, [BOTH], [expected])


def test_an_answer_to_a_bearer_token_needs_no_word(make_key_app: MakeKeyApp, mint: Mint) -> None:
    """Shared caches keep no answer to a request with ``Authorization`` by themselves (RFC 9111 section 3.5)."""
    app = make_key_app()
    app.add_url_rule("/x", "x", login_required(lambda: "x"))

    assert cached(app.test_client().get("/x", headers=bearer(mint()))) == ([BOTH], [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["Origin"], ["Origin, Authorization, X-API-Key"]),
        (["Authorization"], ["Authorization, X-API-Key"]),
        (["x-api-key"], ["x-api-key, Authorization"]),
        (["X-API-KEY, authorization"], ["X-API-KEY, authorization"]),
        (["Origin", "Accept"], ["Origin, Accept, Authorization, X-API-Key"]),
        (["*"], ["*"]),
        ([""], [BOTH]),
    ],
)
@pytest.mark.parametrize("has_key", [True, False])
def test_vary_names_both_headers_beside_all_that_it_names(
    make_key_app: MakeKeyApp, key: Any, *, given: list[str], expected: list[str], has_key: bool
) -> None:
    app = make_key_app()
    app.add_url_rule("/x", "x", lambda: Response("x", headers=[("Vary", value) for value in given]))

    assert cached(app.test_client().get("/x", headers=key if has_key else {}))[0] == expected


def test_an_expiry_alone_is_private_too(make_key_app: MakeKeyApp, key: Any) -> None:
    app = make_key_app()
    app.add_url_rule("/x", "x", lambda: Response("x", headers={"Expires": "Thu, 01 Jan 2037"}))

    assert cached(app.test_client().get("/x", headers=key)) == ([BOTH], ["private"])
    assert cached(app.test_client().get("/x")) == ([BOTH], [])


def fail() -> str:
    raise ValueError


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nowhere", 404), ("/gone", 410), ("/broken", 500), ("/moved", 302), ("/folder", 308), ("/post", 405)],
)
def test_errors_and_redirects_are_private_for_requests_with_the_header(
    make_key_app: MakeKeyApp, key: Any, path: str, status: int
) -> None:
    app = make_key_app()
    app.testing = False
    app.add_url_rule("/gone", "gone", lambda: abort(410))
    app.add_url_rule("/broken", "broken", fail)
    app.add_url_rule("/moved", "moved", lambda: redirect("/nowhere"))
    app.add_url_rule("/folder/", "folder", lambda: "x")
    app.add_url_rule("/post", "post", lambda: "x", methods=["POST"])

    with_key, without = app.test_client().get(path, headers=key), app.test_client().get(path)

    assert (with_key.status_code, *cached(with_key)) == (status, [BOTH], ["private"])
    assert (without.status_code, *cached(without)) == (status, [BOTH], [])


@pytest.mark.parametrize("text", ["", "ta_garbage", "a b"])
def test_a_bad_key_makes_the_answer_of_an_open_view_private_too(make_key_app: MakeKeyApp, text: str) -> None:
    app = make_key_app()
    app.add_url_rule("/x", "x", lambda: "x")

    answer = app.test_client().get("/x", headers={HEADER: text})

    assert (answer.status_code, *cached(answer)) == (200, [BOTH], ["private"])


@pytest.mark.parametrize("guard", [login_required, require_scope("admin"), login_optional], ids=["login", "scope", "o"])
def test_no_cache_keeps_the_refusal_of_an_api_key(make_key_app: MakeKeyApp, key: Any, guard: Any) -> None:
    app = make_key_app()
    app.add_url_rule("/x", "x", guard(lambda: "x"))

    answer = app.test_client().get("/x", headers=key)

    assert (answer.status_code, *cached(answer)) == (403, [BOTH], ["no-store"])


def test_no_cache_keeps_the_refusal_of_two_credentials(make_key_app: MakeKeyApp, mint: Mint, key: Any) -> None:
    app = make_key_app()
    app.add_url_rule("/x", "x", login_required(lambda: "x"))

    assert cached(app.test_client().get("/x", headers=bearer(mint()) | key)) == ([BOTH], ["no-store"])


def test_an_answer_of_a_function_before_the_view_is_private(make_key_app: MakeKeyApp, key: Any) -> None:
    app = make_key_app()
    app.before_request(lambda: Response("answered", headers={"Cache-Control": "public"}))
    app.add_url_rule("/open", "open", lambda: "x")
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: "x"))

    for path in ("/open", "/x", "/nowhere"):
        assert cached(app.test_client().get(path, headers=key)) == ([BOTH], ["private"])
    assert cached(app.test_client().get("/open")) == ([BOTH], ["public"])


def test_an_after_request_function_cannot_make_an_answer_public(make_key_app: MakeKeyApp, key: Any) -> None:
    app = make_key_app()
    app.after_request(lambda response: Response("new", headers={"Cache-Control": "public, s-maxage=60"}))
    app.add_url_rule("/x", "x", lambda: "x")

    assert cached(app.test_client().get("/x", headers=key)) == ([BOTH], ["private"])


def test_a_session_of_flask_is_named_too(make_key_app: MakeKeyApp, key: Any) -> None:
    app = make_key_app()
    app.add_url_rule("/x", "x", lambda: f"{session.get('name')}")

    assert cached(app.test_client().get("/x", headers=key)) == ([f"Cookie, {BOTH}"], ["private"])


@pytest.mark.parametrize("decorate", [shareable, lambda view: shareable(require_scope("reports:read")(view))])
def test_a_shareable_answer_stays_as_it_is(make_key_app: MakeKeyApp, key: Any, decorate: Any) -> None:
    """It does not depend on the caller, so everyone may have it."""
    app = make_key_app()
    app.add_url_rule("/x", "x", decorate(lambda: Response("x", headers={"Cache-Control": "public"})))

    assert cached(app.test_client().get("/x", headers=key)) == ([], ["public"])


def test_a_static_file_stays_as_it_is(make_app: MakeApp, store: MemoryStore, tmp_path: Path, key: Any) -> None:
    (tmp_path / "style.css").write_text("body {}")
    app = make_app(**looked_up(store), SEND_FILE_MAX_AGE_DEFAULT=60)
    app.static_folder = str(tmp_path)

    with app.test_client().get("/static/style.css", headers=key) as answer:
        assert cached(answer) == ([], ["public, max-age=60"])
    with app.test_client().get("/static/none.css", headers=key) as answer:
        assert cached(answer) == ([BOTH], ["private"])


def test_without_the_setting_the_header_is_no_matter(make_app: MakeApp, key: Any) -> None:
    app = make_app()
    app.add_url_rule("/x", "x", lambda: "x")

    assert cached(app.test_client().get("/x", headers=key)) == (["Authorization"], [])


def test_an_application_inside_another_one_names_its_own_header(
    make_key_app: MakeKeyApp, make_app: Any, key: Any
) -> None:
    inner, outer = make_key_app(), make_app("outer")
    inner.add_url_rule("/x", "x", lambda: "x")
    outer.wsgi_app = SharedCaches(inner.wsgi_app)

    assert cached(outer.test_client().get("/x", headers=key)) == ([BOTH], ["private"])


def test_middleware_inside_is_private_too_if_it_does_not_say_that_it_is_shareable() -> None:
    def serve(environ: Any, start: Any) -> list[bytes]:
        environ["flask_tokenauth.answer"].is_shareable = False
        start("200 OK", [("Cache-Control", "public")], None)
        return [b"x"]

    answer = Client(SharedCaches(serve, HEADER)).get("/", headers={HEADER: "ta_x"})

    assert cached(answer) == ([BOTH], ["private"])


def test_headers_are_restricted_for_an_api_key_without_a_guard() -> None:
    headers: list[tuple[str, str]] = [("Vary", "Origin"), ("cache-control", "public")]

    restrict(headers, Answer(is_private=True), BOTH)

    assert headers == [("Vary", "Origin, Authorization, X-API-Key"), ("Cache-Control", "private")]


def test_another_name_of_the_header_is_named(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_app(auth=TokenAuth(), **{**looked_up(store), "TOKENAUTH_API_KEY_HEADER": "Acme-Key"})
    app.add_url_rule("/x", "x", lambda: "x")

    assert cached(app.test_client().get("/x", headers={"Acme-Key": "x"})) == (["Authorization, Acme-Key"], ["private"])
    assert cached(app.test_client().get("/x", headers={HEADER: "x"})) == (["Authorization, Acme-Key"], [])
