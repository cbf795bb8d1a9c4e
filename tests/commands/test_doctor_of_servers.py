"""The findings of the doctor about the settings of a database server. Here SQLite stands for a server."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError

from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.sql import source
from flask_tokenauth.stores.sql.connections import MOST

from ..conftest import MakeApp
from ..stores.risks_kit import RiskyServer
from ..stores.sqlite_kit import url_of
from .doctor_kit import find


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> RiskyServer:
    server = RiskyServer()
    monkeypatch.setitem(source._DIALECTS, "sqlite", (lambda: server, "pysqlite", ""))
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    return server


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path, server: RiskyServer) -> Flask:
    app = make_app(TOKENAUTH_STORE=url_of(tmp_path / "api.db"), TOKENAUTH_LEEWAY=timedelta(seconds=10))
    state_of(app).store.create()
    server.asked.clear()
    return app


def list_store_problems(app: Flask) -> list[tuple[str, str]]:
    return [(each.severity, each.sentence) for each in find(app) if each.sentence.startswith("TOKENAUTH_STORE:")]


def test_each_risk_is_a_warning(app: Flask, server: RiskyServer) -> None:
    server.risks = ["fsync must be on", "the clocks differ"]

    assert list_store_problems(app) == [
        ("warning", "TOKENAUTH_STORE: fsync must be on."),
        ("warning", "TOKENAUTH_STORE: the clocks differ."),
    ]


def test_a_server_without_risks_has_no_finding(app: Flask) -> None:
    assert list_store_problems(app) == []


@pytest.mark.parametrize(("workers", "connections"), [("3", 3 * MOST), ("", None)])
def test_the_leeway_and_the_processes_of_the_application_count(
    app: Flask, server: RiskyServer, monkeypatch: pytest.MonkeyPatch, workers: str, connections: int | None
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", workers)

    find(app)

    assert server.asked == [(10_000, connections)]


def test_a_server_that_does_not_show_its_settings_is_an_error(app: Flask, server: RiskyServer) -> None:
    server.error = DBAPIError(None, None, sqlite3.OperationalError("hunter2"))

    sentences = [each.sentence for each in find(app) if each.severity == "error"]

    assert [sentence for sentence in sentences if sentence.startswith("TOKENAUTH_STORE cannot be asked: ")] == sentences
    assert len(sentences) == 1
    assert "hunter2" not in sentences[0]


def test_a_store_that_is_no_sql_database_has_no_risks(make_app: MakeApp) -> None:
    assert list_store_problems(make_app(TOKENAUTH_STORE=MemoryStore())) == []


def test_a_command_leaves_the_risks_to_the_doctor(
    make_app: MakeApp, tmp_path: Path, server: RiskyServer, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(TOKENAUTH_STORE=url_of(tmp_path / "api.db"))
    server.risks = ["fsync must be on"]

    result = app.test_cli_runner().invoke(args=["tokenauth", "init-db"])

    assert result.output == "The store is ready.\n"
    assert caplog.records == []
