"""``current_user`` and ``get_user()`` at any time: without a loader, for the anonymous, while the user is loaded."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from blinker import Namespace
from flask import Flask, copy_current_request_context, g, render_template_string

from flask_tokenauth import (
    NotAuthenticated,
    SettingsError,
    Token,
    TokenAuth,
    current_user,
    get_token,
    get_user,
    login_required,
    token_accepted,
    token_refused,
)

from .authentication.asking import Asker, log_filter
from .conftest import MakeApp, Mint, bearer

IN_LOADER = {
    "token": "t1",
    "g": ("alice", {"reports:read"}),
    "current_user": False,
    "user": 401,
    "user_id": "alice",
}  # the caller is known by now, the user is not

queried = Namespace().signal("queried")  # as an event of an ORM


class Loader:
    """A ``user_loader`` that sends a signal for each query, and counts the queries."""

    def __init__(self) -> None:
        self.auth: TokenAuth[str] = TokenAuth()
        self.auth.user_loader(self.load)
        self.calls: list[str] = []

    def load(self, user_id: str) -> str | None:
        self.calls.append(user_id)
        queried.send(self)
        return user_id


@pytest.fixture
def loader() -> Loader:
    return Loader()


@pytest.fixture
def api(make_app: MakeApp, loader: Loader) -> Flask:
    app = make_app(auth=loader.auth)
    app.add_url_rule("/name", "name", lambda: str(get_user()))
    app.add_url_rule("/loaded", "loaded", login_required(load_user=True)(lambda: str(get_user())))
    app.add_url_rule("/page", "page", lambda: render_template_string("{{ current_user or 'nobody' }}"))
    return app


every_path = pytest.mark.parametrize("path", ["/name", "/loaded", "/page"])

TEMPLATES = {
    "{{ 'yes' if current_user else 'no' }}": "no",
    "{% if current_user is defined and current_user %}yes{% else %}no{% endif %}": "no",
    "{% if current_user.name %}yes{% else %}no{% endif %}": "no",
    "{{ current_user.name or 'no' }}": "no",
    "{{ current_user == None }}": "True",
    "{{ current_user['name'] or 'no' }}": "no",
    "{{ current_user|default('no', true) }}": "no",
    "{{ current_user|string }}": "None",
}


@pytest.mark.slow
@pytest.mark.parametrize(("template", "page"), TEMPLATES.items())
@pytest.mark.parametrize("has_token", [True, False])
def test_without_a_loader_current_user_is_false_in_templates(
    make_app: MakeApp,
    mint: Mint,
    template: str,
    page: str,
    has_token: bool,  # noqa: FBT001  # a parameter
) -> None:
    app = make_app()
    app.add_url_rule("/", view_func=lambda: render_template_string(template))

    assert app.test_client().get("/", headers=bearer(mint()) if has_token else {}).text == page


@pytest.mark.parametrize(("template", "page"), TEMPLATES.items())
def test_for_the_anonymous_current_user_is_false_in_templates(api: Flask, template: str, page: str) -> None:
    api.add_url_rule("/", view_func=lambda: render_template_string(template))

    assert api.test_client().get("/").text == page


@pytest.mark.parametrize("ask", [len, iter, lambda user: user + 1], ids=range(3))
def test_the_anonymous_current_user_behaves_like_none(api: Flask, ask: Callable[[Any], Any]) -> None:
    with api.test_request_context(), pytest.raises(TypeError, match="NoneType"):
        ask(current_user)


@every_path
def test_a_signal_of_the_loader_may_ask_for_the_user(api: Flask, mint: Mint, loader: Loader, path: str) -> None:
    asker = Asker()
    asker.auth = loader.auth

    with queried.connected_to(asker.ask):
        answer = api.test_client().get(path, headers=bearer(mint()))

    assert answer.text == "alice"
    assert loader.calls == ["alice"]
    assert asker.answers == [IN_LOADER]


@every_path
def test_a_loader_that_needs_its_own_user_finds_none(
    api: Flask, mint: Mint, loader: Loader, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """It is told so by one line in the log."""
    refused: list[str] = []

    with (
        queried.connected_to(lambda sender: get_user()),
        token_refused.connected_to(lambda sender, reason: refused.append(reason), api),
    ):
        answer = api.test_client().get(path, headers=bearer(mint()))

    page = path == "/page"
    assert loader.calls == ["alice"]
    assert (answer.status_code, refused) == ((200, []) if page else (401, ["user_unknown"]))
    assert answer.text == "nobody" if page else answer.get_json()["error"] == "invalid_token"
    [message] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "Let user_loader use the user ID that it is given" in message


def test_a_guard_that_loads_the_user_refuses_within_the_loader(
    api: Flask, mint: Mint, loader: Loader, caplog: pytest.LogCaptureFixture
) -> None:
    entered: list[str] = []

    @login_required(load_user=True)
    def helper() -> None:
        entered.append("helper")  # pragma: no cover  # never called

    with queried.connected_to(lambda sender: helper()):
        answer = api.test_client().get("/loaded", headers=bearer(mint()))

    assert (answer.status_code, entered, loader.calls) == (401, [], ["alice"])


def test_a_guard_that_needs_only_the_token_passes_within_the_loader(api: Flask, mint: Mint) -> None:
    entered: list[str] = []

    @login_required
    def helper() -> None:
        entered.append("helper")

    with queried.connected_to(lambda sender: helper()):
        answer = api.test_client().get("/loaded", headers=bearer(mint()))

    assert (answer.text, entered) == ("alice", ["helper"])


@every_path
@pytest.mark.parametrize("has_token", [True, False])
def test_a_log_filter_may_ask_for_the_user_at_each_record(
    api: Flask,
    mint: Mint,
    loader: Loader,
    path: str,
    has_token: bool,  # noqa: FBT001  # a parameter
) -> None:
    def keep(record: Any) -> bool:
        record.user = str(current_user)
        return True

    headers = bearer(mint()) if has_token else {}
    with log_filter(keep):
        answer = api.test_client().get(path, headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"})

    assert answer.status_code == (200 if has_token or path == "/page" else 401)
    assert loader.calls == (["alice"] if has_token else [])


def test_a_locale_selector_may_ask_for_the_user_before_and_while_the_user_is_loaded(
    api: Flask, mint: Mint, loader: Loader
) -> None:
    """Within a ``url_value_preprocessor``, as for an error message that is translated there."""
    locales: list[str] = []

    def select_locale(*_: object) -> None:
        locales.append("de" if current_user else "en")

    api.url_value_preprocessor(select_locale)

    with queried.connected_to(select_locale):
        answer = api.test_client().get("/loaded", headers=bearer(mint()))

    assert answer.text == "alice"
    assert locales == ["en", "de"]
    assert loader.calls == ["alice"]


def test_a_locale_selector_may_ask_for_the_user_before_and_within_token_check(
    api: Flask, mint: Mint, loader: Loader
) -> None:
    locales: list[str] = []

    def select_locale(*_: object) -> None:
        locales.append("de" if current_user else "en")

    @loader.auth.token_check
    def check(token: Token) -> bool:
        select_locale()
        return True

    api.url_value_preprocessor(select_locale)

    assert api.test_client().get("/loaded", headers=bearer(mint())).text == "alice"
    assert locales == ["en", "de"]


def test_a_listener_of_token_accepted_may_ask_for_the_user(api: Flask, mint: Mint, loader: Loader) -> None:
    seen: list[str] = []

    with token_accepted.connected_to(lambda sender, **_: seen.append(get_user()), api):
        api.test_client().get("/name", headers=bearer(mint()))

    assert (seen, loader.calls) == (["alice"], ["alice"])


def test_a_loader_that_raised_is_called_again_at_the_next_question(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()
    errors: list[Exception] = [OSError("the database is away")]

    @auth.user_loader
    def load(user_id: str) -> str:
        if errors:
            raise errors.pop()
        return user_id

    with make_app(auth=auth).test_request_context(headers=bearer(mint())):
        with pytest.raises(OSError, match="away"):
            get_user()

        assert get_user() == "alice"


QUESTIONS: dict[str, Callable[[Any], object]] = {
    "bool": bool,
    "name": lambda user: user.name,
    "==": lambda user: user == "alice",
    "!=": lambda user: user != "alice",
    "hash": hash,
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_current_user_does_not_hide_a_runtime_error_of_the_loader(
    make_app: MakeApp, mint: Mint, question: Callable[[Any], object]
) -> None:
    """A user who is logged in would seem to be anonymous. Flask-SQLAlchemy raises such an error."""
    auth: TokenAuth[str] = TokenAuth()

    @auth.user_loader
    def load(user_id: str) -> str:
        raise RuntimeError("the application is not registered")

    with (
        make_app(auth=auth).test_request_context(headers=bearer(mint())),
        pytest.raises(RuntimeError, match="registered"),
    ):
        question(current_user)


def test_current_user_does_not_hide_a_runtime_error_of_a_loader_that_is_a_coroutine(
    make_app: MakeApp, mint: Mint
) -> None:
    auth: TokenAuth[str] = TokenAuth()

    @auth.user_loader
    async def load(user_id: str) -> str:
        raise RuntimeError("the application is not registered")

    with (
        make_app(auth=auth).test_request_context(headers=bearer(mint())),
        pytest.raises(RuntimeError, match="registered"),
    ):
        bool(current_user)


def test_current_user_compares_and_hashes_like_the_user(api: Flask, mint: Mint) -> None:
    with api.test_request_context(headers=bearer(mint())):
        assert current_user == "alice"
        assert current_user != "bob"
        assert not current_user == "bob"  # noqa: SIM201  # each operator has a method
        assert not current_user != "alice"  # noqa: SIM202
        assert {current_user: 1} == {"alice": 1}
        assert "alice" == current_user  # noqa: SIM300  # the other order


def test_a_refusal_that_the_loader_raises_on_its_own_is_the_answer(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()

    @auth.user_loader
    def load(user_id: str) -> str:
        raise NotAuthenticated("This account is locked.")

    app = make_app(auth=auth)
    app.add_url_rule("/", view_func=login_required(load_user=True)(lambda: "open"))

    assert app.test_client().get("/", headers=bearer(mint())).get_json()["error_description"] == (
        "This account is locked."
    )


def test_a_coroutine_that_loads_may_ask_for_the_user_in_threads_of_its_own(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()
    seen: list[bool] = []

    @auth.user_loader
    async def load(user_id: str) -> str:
        seen.append(bool(current_user))
        await asyncio.to_thread(lambda: seen.append(bool(current_user)))
        return user_id

    app = make_app(auth=auth)
    app.add_url_rule("/", view_func=login_required(load_user=True)(lambda: str(get_user())))

    assert app.test_client().get("/", headers=bearer(mint())).text == "alice"
    assert seen == [False, False]


def test_in_a_coroutine_a_loader_that_is_one_too_cannot_run(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()

    @auth.user_loader
    async def load(user_id: str) -> str:
        return user_id  # pragma: no cover  # never called

    app = make_app(auth=auth)

    @app.get("/")
    async def view() -> str:
        assert not current_user
        with pytest.raises(
            RuntimeError, match=r"load the user before the view, with @login_required\(load_user=True\)"
        ):
            get_user()
        return "seen"

    assert app.test_client().get("/", headers=bearer(mint())).text == "seen"


def test_in_a_coroutine_an_error_of_a_loader_that_is_none_is_not_hidden(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()

    @auth.user_loader
    def load(user_id: str) -> str:
        raise RuntimeError("the database is gone")

    app = make_app(auth=auth)

    @app.get("/")
    async def view() -> str:
        with pytest.raises(RuntimeError, match="the database is gone"):
            bool(current_user)
        return "seen"

    assert app.test_client().get("/", headers=bearer(mint())).text == "seen"


def test_threads_of_a_view_get_the_user_while_another_thread_loads_it(
    make_app: MakeApp, mint: Mint, loader: Loader
) -> None:
    """The loader may run in both. A thread that came second would be anonymous otherwise."""
    app = make_app(auth=loader.auth)
    users: list[str] = []

    @app.get("/")
    def view() -> str:
        ask = copy_current_request_context(lambda: users.append(get_user()))

        def load_in_another_thread(sender: Loader) -> None:
            if len(loader.calls) == 1:
                pool.submit(ask).result()

        with ThreadPoolExecutor() as pool, queried.connected_to(load_in_another_thread):
            return str(get_user())

    assert app.test_client().get("/", headers=bearer(mint())).text == "alice"
    assert users == ["alice"]


def test_a_request_within_the_loader_has_a_user_of_its_own(api: Flask, mint: Mint, loader: Loader) -> None:
    inner: list[str] = []

    def ask_again(sender: Loader) -> None:
        if len(loader.calls) == 1:
            inner.append(api.test_client().get("/loaded", headers=bearer(mint(sub="bob"))).text)

    with queried.connected_to(ask_again):
        answer = api.test_client().get("/loaded", headers=bearer(mint()))

    assert (inner, answer.text) == (["bob"], "alice")


def test_two_applications_that_share_a_request_load_its_user_once_each(make_app: MakeApp, mint: Mint) -> None:
    one, other = Loader(), Loader()
    mounted = make_app("mounted", auth=other.auth)
    app = make_app(auth=one.auth)

    with app.test_request_context(headers=bearer(mint())):
        for _ in "12":
            assert get_user() == "alice"
            with mounted.app_context():
                assert get_user() == "alice"

    assert (one.calls, other.calls) == (["alice"], ["alice"])


def test_get_user_without_a_loader_is_an_error_within_token_check_too(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()

    @auth.token_check
    def check(token: Token) -> bool:
        with pytest.raises(SettingsError, match="user_loader"):
            get_user()
        return get_token() is None and g.user_id is None

    app = make_app(auth=auth)
    app.add_url_rule("/", view_func=login_required(lambda: "open"))

    assert app.test_client().get("/", headers=bearer(mint())).text == "open"
