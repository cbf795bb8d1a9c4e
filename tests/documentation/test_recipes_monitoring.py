"""The recipes of docs/extensions.rst for OpenTelemetry and Prometheus: refused requests count, tokens stay outside."""

import json
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, g
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from flask_tokenauth.testing import logged_in, token_headers

from ..conftest import bearer
from .conftest import Follow, Names
from .reading import blocks

# OpenTelemetry

Spans = Callable[[], tuple[ReadableSpan, ...]]
CAPTURE = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST"
SANITIZE = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    """Return a function that returns the spans of applications that are instrumented from now on."""
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: provider)
    return kept.get_finished_spans


@pytest.fixture
def traced(follow: Follow, spans: Spans) -> Flask:  # the recipe asks for the tracer
    app: Flask = follow("from opentelemetry import trace")["app"]
    return app


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({}, 401, "credential_missing"),
        (bearer("x.y.z"), 401, "token_malformed"),
        (bearer(""), 400, "credential_malformed"),
    ],
    ids=["none", "bad", "malformed"],
)
def test_a_refused_request_has_a_span_with_the_reason(
    traced: Flask, spans: Spans, headers: dict[str, str], status: int, reason: str
) -> None:
    assert traced.test_client().get("/reports", headers=headers).status_code == status

    [span] = spans()
    assert span.name == "GET /reports"
    assert span.attributes is not None
    assert span.attributes["http.status_code"] == status
    assert span.attributes["tokenauth.refused"] == reason
    assert "enduser.id" not in span.attributes


def test_a_span_names_the_user(traced: Flask, spans: Spans) -> None:
    assert logged_in(traced, "alice", ["reports:read"]).get("/reports").status_code == 200

    [span] = spans()
    assert span.attributes is not None
    assert span.attributes["enduser.id"] == "alice"
    assert "tokenauth.refused" not in span.attributes


def test_a_span_of_a_request_without_the_scope_names_user_and_reason(traced: Flask, spans: Spans) -> None:
    assert logged_in(traced, "alice").get("/reports").status_code == 403

    [span] = spans()
    assert span.attributes is not None
    assert span.attributes["enduser.id"] == "alice"
    assert span.attributes["tokenauth.refused"] == "scope_insufficient"


def test_a_hook_of_the_application_can_name_the_user(traced: Flask, spans: Spans) -> None:
    traced.before_request(lambda: trace.get_current_span().set_attribute("user.id", g.user_id))
    logged_in(traced, "alice").get("/reports")

    [span] = spans()
    assert span.attributes is not None
    assert span.attributes["user.id"] == "alice"


def show(spans: Spans) -> str:
    """Return everything that is exported."""
    [span] = spans()
    return json.dumps(span.to_json())


@pytest.mark.parametrize("scopes", [["reports:read"], []], ids=["accepted", "refused"])
def test_no_span_has_a_token(traced: Flask, spans: Spans, scopes: list[str]) -> None:
    headers = token_headers(traced, "alice", scopes=scopes)
    traced.test_client().get("/reports", headers=headers)

    assert headers["Authorization"].split(".")[2] not in show(spans)


@pytest.mark.parametrize("captured", [".*", "authorization", "Authorization"])
def test_captured_headers_have_the_token_unless_they_are_sanitized(
    traced: Flask, spans: Spans, monkeypatch: pytest.MonkeyPatch, captured: str
) -> None:
    monkeypatch.setenv(CAPTURE, captured)
    headers = token_headers(traced, "alice")
    traced.test_client().get("/reports", headers=headers)

    assert headers["Authorization"] in show(spans)


def test_the_setting_of_the_page_keeps_the_token_out_of_captured_headers(
    traced: Flask, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    [line] = [line for line in blocks("extensions", "sh") if SANITIZE in line]
    monkeypatch.setenv(CAPTURE, ".*")
    monkeypatch.setenv(SANITIZE, line.partition("=")[2].strip().strip('"'))
    headers = token_headers(traced, "alice") | {"Cookie": "session=secret", "X-Other": "shown"}
    traced.test_client().get("/reports", headers=headers)

    assert headers["Authorization"].split(".")[2] not in show(spans)
    assert "session=secret" not in show(spans)
    assert "shown" in show(spans)


# Prometheus


@pytest.fixture
def measured(follow: Follow) -> Iterator[Names]:
    names = follow("from prometheus_client import")
    yield names
    for metric in ("accepted", "refused", "duration"):
        REGISTRY.unregister(names[metric])


def scrape(names: Names) -> set[str]:
    """Return the lines for Prometheus."""
    answer = names["app"].test_client().get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    return set(answer.text.splitlines())


def test_accepted_tokens_are_counted(measured: Names) -> None:
    client = logged_in(measured["app"], "alice", ["reports:read"])

    assert [client.get(f"/reports/{number}").status_code for number in (7, 8)] == [200, 200]
    assert "tokens_accepted_total 2.0" in scrape(measured)
    assert 'request_seconds_count{route="/reports/<int:number>",status="200"} 2.0' in scrape(measured)


@pytest.mark.parametrize(
    ("headers", "reason"), [({}, "credential_missing"), (bearer("x.y.z"), "token_malformed")], ids=["none", "bad"]
)
def test_refused_requests_are_counted_and_measured(measured: Names, headers: dict[str, str], reason: str) -> None:
    assert measured["app"].test_client().get("/reports/7", headers=headers).status_code == 401

    lines = scrape(measured)
    assert f'requests_refused_total{{reason="{reason}"}} 1.0' in lines
    assert 'request_seconds_count{route="/reports/<int:number>",status="401"} 1.0' in lines
    assert "tokens_accepted_total 0.0" in lines


def test_a_token_without_the_scope_is_accepted_and_the_request_refused(measured: Names) -> None:
    assert logged_in(measured["app"], "alice").get("/reports/7").status_code == 403

    lines = scrape(measured)
    assert "tokens_accepted_total 1.0" in lines
    assert 'requests_refused_total{reason="scope_insufficient"} 1.0' in lines


def test_a_request_that_an_earlier_hook_answers_is_measured(measured: Names) -> None:
    measured["app"].before_request_funcs[None].insert(0, lambda: ("later", 503))

    assert measured["app"].test_client().get("/reports/7").status_code == 503
    assert measured["duration"].labels("/reports/<int:number>", 503)._sum.get() > 0


def test_no_label_has_a_user_or_anything_that_a_client_invents(measured: Names) -> None:
    app = measured["app"]
    logged_in(app, "somebody-special").get("/reports/7")
    app.test_client().get("/invented")
    app.test_client().open("/reports/7", method="INVENTED")

    shown = "\n".join(scrape(measured))
    assert 'route="none"' in shown
    assert not [word for word in ("somebody-special", "invented", "INVENTED", "/reports/7") if word in shown]
