"""Extensions that work before and after views: they see refused requests, and give no guarded answer away."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from cachelib import SimpleCache
from flask import Flask, Response, g, request, session
from flask_caching import Cache
from flask_compress import Compress
from flask_cors import CORS
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_session import Session  # type: ignore[import-untyped]  # has no types
from flask_sock import Sock  # type: ignore[import-untyped]  # has no types
from flask_talisman import Talisman  # type: ignore[import-untyped]  # has no types
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from flask_tokenauth import TokenAuth, login_required, public

from ..conftest import CONFIG, MakeApp, Mint, bearer
from .kit import CLOSED, Decorator, leave, open_app

SetUp = Callable[[Flask], object]

EXTENSION_FIRST = "extension first"
both_orders = pytest.mark.parametrize("order", [EXTENSION_FIRST, "TokenAuth first"])
both_guards = pytest.mark.parametrize(
    ("guard", "config"), [(login_required, {}), (leave, CLOSED)], ids=["a guard", "the default guard"]
)


def make(set_up: SetUp, order: str, guard: Decorator = login_required, **config: object) -> Flask:
    """Return an application with an extension, a guarded view on /x, and an open one on /open.

    The answer of the guarded view is long enough to be compressed.

    Args:
        set_up: sets up the extension.
        order: whether that is done before or after TokenAuth is set up.
        guard: guards the view.
        config: settings.
    """
    app = Flask("tests")
    app.config |= CONFIG | config
    for step in (set_up, open_app) if order == EXTENSION_FIRST else (open_app, set_up):
        step(app)
    app.add_url_rule("/x", view_func=guard(lambda: f"of {g.user_id} " * 100), endpoint="x")
    app.add_url_rule("/open", view_func=public(lambda: "open"), endpoint="open")
    return app


# Flask-Limiter


@both_orders
@both_guards
def test_refused_requests_count_against_the_default_limit(
    mint: Mint, order: str, guard: Decorator, config: dict[str, Any]
) -> None:
    def set_up(app: Flask) -> None:
        Limiter(
            get_remote_address, app=app, default_limits=["2/hour"], storage_uri="memory://", strategy="moving-window"
        )

    client = make(set_up, order, guard, **config).test_client()

    assert [client.get("/x").status_code for _ in range(4)] == [401, 401, 429, 429]
    assert client.get("/x", headers=bearer(mint())).status_code == 429


@both_orders
def test_a_limit_can_count_each_user(mint: Mint, order: str) -> None:
    def set_up(app: Flask) -> None:
        key = lambda: str(g.user_id)  # noqa: E731
        Limiter(key, app=app, default_limits=["2/hour"], storage_uri="memory://", strategy="moving-window")

    client = make(set_up, order).test_client()

    for user, statuses in (("alice", [200, 200, 429]), ("bob", [200, 200, 429])):
        assert [client.get("/x", headers=bearer(mint(sub=user))).status_code for _ in range(3)] == statuses
    assert [client.get("/x").status_code for _ in range(3)] == [401, 401, 429]


# Flask-CORS

ORIGIN = {"Origin": "https://app.example"}
PREFLIGHT = ORIGIN | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


def set_up_cors(app: Flask) -> None:
    CORS(app, origins=["https://app.example", "https://other.example"], expose_headers=["WWW-Authenticate"])


@both_orders
@both_guards
def test_a_preflight_needs_no_token(order: str, guard: Decorator, config: dict[str, Any]) -> None:
    answer = make(set_up_cors, order, guard, **config).test_client().options("/x", headers=PREFLIGHT)

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://app.example")


@both_orders
@both_guards
def test_a_refusal_has_the_headers_for_scripts(order: str, guard: Decorator, config: dict[str, Any]) -> None:
    answer = make(set_up_cors, order, guard, **config).test_client().get("/x", headers=ORIGIN)

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, "https://app.example")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert set(answer.vary) == {"Origin", "Authorization"}


@both_orders
def test_several_extensions_keep_their_part_of_vary(mint: Mint, order: str) -> None:
    def set_up(app: Flask) -> None:
        set_up_cors(app)
        Compress(app)

    headers = ORIGIN | bearer(mint()) | {"Accept-Encoding": "gzip"}
    answer = make(set_up, order).test_client().get("/x", headers=headers)

    assert set(answer.vary) == {"Origin", "Accept-Encoding", "Authorization"}
    assert len(answer.headers.getlist("Vary")) == 1


# Flask-Talisman


@both_orders
def test_a_refusal_over_https_has_the_security_headers(order: str) -> None:
    answer = make(Talisman, order).test_client().get("/x", base_url="https://localhost")

    assert answer.status_code == 401
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    assert "default-src" in answer.headers["Content-Security-Policy"]


@both_orders
def test_the_redirect_to_https_is_for_callers_who_would_pass_the_guard(mint: Mint, order: str) -> None:
    client = make(Talisman, order).test_client()

    assert client.get("/x").status_code == 401
    assert client.get("/x", headers=bearer(mint())).headers["Location"].startswith("https://")
    assert client.get("/open").headers["Location"].startswith("https://")


# Flask-Caching, and a cache of whole answers


@pytest.mark.parametrize("outer", ["guard", "cache"])
@both_orders
def test_a_cached_view_is_for_callers_who_pass_the_guard(mint: Mint, order: str, outer: str) -> None:
    cache = Cache(config={"CACHE_TYPE": "SimpleCache"})
    cached = cache.cached(timeout=60, key_prefix="x")

    def guard(view: Any) -> Any:
        return login_required(cached(view)) if outer == "guard" else cached(login_required(view))

    client = make(cache.init_app, order, guard).test_client()

    for _ in range(2):
        assert client.get("/x").status_code == 401
        assert client.get("/x", headers=bearer("x.y.z")).status_code == 401
        assert client.get("/x", headers=bearer(mint())).text == "of alice " * 100


@both_orders
@both_guards
def test_an_answer_kept_by_hooks_is_for_callers_who_pass_the_guard(
    mint: Mint, order: str, guard: Decorator, config: dict[str, Any]
) -> None:
    kept: dict[str, bytes] = {}

    def keep(answer: Response) -> Response:
        if answer.status_code == 200:
            kept[request.path] = answer.get_data()
        return answer

    def set_up(app: Flask) -> None:
        app.before_request(lambda: kept.get(request.path))
        app.after_request(keep)

    client = make(set_up, order, guard, **config).test_client()

    for _ in range(2):
        assert client.get("/x").status_code == 401
        assert client.get("/x", headers=bearer(mint())).text == "of alice " * 100
        assert client.get("/open").text == "open"
    assert set(kept) == {"/x", "/open"}


# Flask-Compress


@both_orders
def test_compressed_answers_are_guarded(mint: Mint, order: str) -> None:
    client = make(Compress, order, COMPRESS_MIN_SIZE=1).test_client()

    refused = client.get("/x", headers={"Accept-Encoding": "gzip"})
    answer = client.get("/x", headers=bearer(mint()) | {"Accept-Encoding": "gzip"})

    assert (refused.status_code, set(refused.vary)) == (401, {"Accept-Encoding", "Authorization"})
    assert gzip.decompress(answer.data) == b"of alice " * 100
    assert set(answer.vary) == {"Accept-Encoding", "Authorization"}


# Flask-Session


@both_orders
def test_a_session_on_the_server_is_saved_for_refused_requests(mint: Mint, order: str) -> None:
    def set_up(app: Flask) -> None:
        Session(app)
        app.before_request(lambda: session.update(requests=session.get("requests", 0) + 1))

    app = make(set_up, order, SESSION_TYPE="cachelib", SESSION_CACHELIB=SimpleCache())
    app.add_url_rule("/count", view_func=login_required(lambda: str(session["requests"])), endpoint="count")
    client = app.test_client()

    assert client.get("/x").headers["Set-Cookie"].startswith("session=")
    assert client.get("/count", headers=bearer(mint())).text == "2"


# OpenTelemetry


@both_orders
@both_guards
def test_a_refused_request_has_a_span(
    order: str, guard: Decorator, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def set_up(app: Flask) -> None:
        instrumentor: Any = FlaskInstrumentor  # its method has no types
        instrumentor.instrument_app(app, tracer_provider=provider)

    make(set_up, order, guard, **config).test_client().get("/x")

    [span] = exporter.get_finished_spans()
    assert (span.name, (span.attributes or {})["http.status_code"]) == ("GET /x", 401)
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


# Flask-Sock


@both_orders
@pytest.mark.parametrize("answered", [None, "answered"], ids=["no answer of a hook", "an answer of a hook"])
def test_a_socket_is_refused_before_it_opens(order: str, answered: str | None) -> None:
    app = make(lambda app: app.before_request(lambda: answered), order)
    Sock(app).route("/socket", endpoint="socket")(login_required(lambda ws: pytest.fail("it was opened")))

    answer = app.test_client().get("/socket", headers={"Connection": "Upgrade", "Upgrade": "websocket"})

    assert answer.status_code == 401


# Coroutine functions


@pytest.mark.parametrize("answered", [None, "answered"], ids=["no answer of a hook", "an answer of a hook"])
def test_hooks_views_and_loaders_may_be_coroutine_functions(
    make_app: MakeApp, mint: Mint, answered: str | None
) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    app, events = make_app(auth=auth), []

    @app.before_request
    async def hook() -> str | None:
        events.append("hook")
        return answered

    @auth.user_loader
    async def load(user_id: str) -> str:
        events.append("load")
        return user_id

    @app.get("/x")
    @login_required(load_user=True)
    async def view() -> str:
        return "served"

    client = app.test_client()

    assert client.get("/x").status_code == 401
    assert client.get("/x", headers=bearer(mint())).text == (answered or "served")
    assert events == ["hook", "hook", "load"]
