"""The search for an error handler is left out only while there is none, and nothing else takes part in it."""

from functools import wraps
from types import FunctionType
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Blueprint, Flask
from werkzeug.exceptions import HTTPException, NotFound, Unauthorized

from flask_tokenauth import StoreUnavailable, TokenAuth, login_required
from flask_tokenauth.application import handler_search
from flask_tokenauth.application.handler_search import HandlerSearch, find_flasks_own
from flask_tokenauth.application.refusing import answer_store_unavailable

from ..conftest import CONFIG, MakeApp


def answer(*_: object) -> tuple[str, int]:
    return "handled", 401


def find_answer(*_: object) -> Any:
    return answer


IN_PLACE = {"handle_user_exception": answer, "handle_http_exception": answer, "_find_error_handler": find_answer}


def serve(app: Flask) -> Flask:
    """Return *app* with a guarded view of a blueprint, which has refused twice: so the search is left out."""
    blueprint = Blueprint("bp", __name__)
    blueprint.add_url_rule("/", "view", login_required(lambda: "served"))
    app.register_blueprint(blueprint)
    assert [ask(app), ask(app)] == ["refused"] * 2
    return app


def ask(app: Flask) -> str:
    got = app.test_client().get("/")
    assert got.status_code == 401
    return "refused" if got.is_json else got.text


def search_of(app: Flask) -> HandlerSearch:
    search: HandlerSearch = app.handle_user_exception.__self__._search  # type: ignore[attr-defined]
    return search


def test_flask_looks_once_for_a_handler_that_does_not_exist(make_app: MakeApp) -> None:
    app = make_app()
    assert search_of(app).is_needed()

    serve(app)

    assert not search_of(app).is_needed()


def test_an_error_of_another_kind_does_not_bring_the_search_back_for_good(make_app: MakeApp) -> None:
    """Flask keeps an empty entry for each code that it has searched."""
    app = serve(make_app())

    app.test_client().get("/missing")

    assert search_of(app).is_needed()
    assert ask(app) == "refused"
    assert not search_of(app).is_needed()


@pytest.mark.parametrize(
    ("name", "code", "caught"),
    [(None, 401, Unauthorized), (None, None, HTTPException), (None, None, Exception), ("bp", 401, Unauthorized)],
)
def test_a_handler_that_comes_later_answers(make_app: MakeApp, name: str | None, code: int | None, caught: Any) -> None:
    app = serve(make_app())

    app.error_handler_spec[name][code][caught] = answer

    assert [ask(app), ask(app)] == ["handled"] * 2


def test_a_handler_that_goes_away_does_not_answer(make_app: MakeApp) -> None:
    app = serve(make_app())
    app.error_handler_spec[None][401][Unauthorized] = answer
    ask(app)

    del app.error_handler_spec[None][401][Unauthorized]

    assert [ask(app), ask(app)] == ["refused"] * 2


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_method_of_the_class_that_is_replaced_later_is_called(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    app = serve(make_app())

    monkeypatch.setattr(Flask, name, IN_PLACE[name])

    assert [ask(app), ask(app)] == ["handled"] * 2


@pytest.mark.parametrize("name", ["handle_http_exception", "_find_error_handler"])
def test_a_method_of_the_application_that_is_replaced_later_is_called(make_app: MakeApp, name: str) -> None:
    app = serve(make_app())

    vars(app)[name] = IN_PLACE[name]

    assert [ask(app), ask(app)] == ["handled"] * 2


def test_a_method_that_was_replaced_before_the_set_up_is_called_each_time() -> None:
    app, seen = Flask("tests"), []
    flasks_own = app.handle_user_exception

    def handle(error: Exception) -> Any:
        seen.append(error)
        return flasks_own(error)

    vars(app)["handle_user_exception"] = handle
    app.config |= CONFIG
    TokenAuth(app)

    serve(app)

    assert len(seen) == 2


def test_a_method_that_was_replaced_before_the_import_is_called(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler_search, "_FLASKS_OWN", None)

    assert search_of(serve(make_app())).is_needed()


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_method_that_only_looks_like_that_of_flask_is_not_its_own(name: str) -> None:
    """Tools that trace applications wrap methods with the name and the module of the original."""
    method = getattr(Flask, name)
    wrapped = wraps(method)(FunctionType(answer.__code__, {}))
    proxy = Mock(wraps=method, __code__=method.__code__)

    assert find_flasks_own(Flask) is not None
    assert find_flasks_own(type("Traced", (Flask,), {name: wrapped})) is None
    assert find_flasks_own(type("Traced", (Flask,), {name: proxy})) is None


@pytest.mark.parametrize("caught", [NotFound, StoreUnavailable, 500], ids=str)
def test_with_a_handler_for_another_error_flask_always_searches(make_app: MakeApp, caught: Any) -> None:
    app = make_app()
    app.register_error_handler(caught, answer)

    serve(app)

    assert search_of(app).is_needed()


@pytest.mark.parametrize(("names", "is_needed"), [(8, False), (9, True)])
def test_with_many_blueprints_flask_always_searches(make_app: MakeApp, names: int, is_needed: bool) -> None:  # noqa: FBT001
    app = make_app()
    search = HandlerSearch(app)
    for number in range(names - 1):
        app.error_handler_spec[f"b{number}"][404] = {}

    search.note_nothing_found()

    assert app.error_handler_spec[None][None] == {StoreUnavailable: answer_store_unavailable}
    assert search.is_needed() is is_needed
