"""The notes example, with real clients, and with the tokens and the clock of ``flask_tokenauth.testing``."""

import importlib
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_tokenauth import SettingsError
from flask_tokenauth.testing import at, logged_in, token_headers

from ..conftest import SECRET, bearer
from .broken_body import post_malformed_chunk

PASSWORD = "correct horse"


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example, imported again. The guards of other tests are hidden."""
    monkeypatch.setattr("flask_tokenauth.guards.marks.guard_uses", [])
    for name in [name for name in sys.modules if name.startswith("examples.notes")]:
        monkeypatch.delitem(sys.modules, name)
    return importlib.import_module("examples.notes")


@pytest.fixture
def site(notes: Any, tmp_path: Path) -> Iterator[Flask]:
    """The application with its own database. Its name is not ``app``, since pytest-flask would push a request of it."""
    database = f"sqlite:///{tmp_path / 'notes.sqlite3'}"
    site: Flask = notes.create_app({"TESTING": True, "SECRET_KEY": SECRET, "SQLALCHEMY_DATABASE_URI": database})
    yield site
    with site.app_context():
        site.extensions["sqlalchemy"].engine.dispose()


def sign_up(site: Flask, name: str) -> UUID:
    response = site.test_client().post("/users", json={"username": name, "password": PASSWORD})
    assert response.status_code == 201
    return UUID(response.get_json()["id"])


def log_in(site: Flask, name: str, password: str = PASSWORD) -> FlaskClient:
    """Return a client that has logged in with a password."""
    client = site.test_client()
    response = client.post("/login", data={"username": name, "password": password})
    assert response.status_code == 200
    client.environ_base["HTTP_AUTHORIZATION"] = bearer(response.get_json()["access_token"])["Authorization"]
    return client


@pytest.fixture
def alice(site: Flask) -> FlaskClient:
    """A client of a user who signed up and logged in."""
    sign_up(site, "alice")
    return log_in(site, "alice")


@pytest.fixture
def bob(site: Flask) -> FlaskClient:
    """A client of another user."""
    sign_up(site, "bob")
    return log_in(site, "bob")


def create_team(founder: FlaskClient) -> str:
    """Create a team, and return its path."""
    return "/teams/" + str(founder.post("/teams", data={"name": "tea"}).get_json()["id"])


def test_a_user_can_sign_up_and_log_in(alice: FlaskClient) -> None:
    me = alice.get("/me").get_json()

    assert (me["name"], me["scopes"]) == ("alice", [])


def test_a_name_can_be_taken_once(site: Flask, alice: FlaskClient) -> None:
    assert alice.post("/users", data={"username": "alice", "password": PASSWORD}).status_code == 409
    assert log_in(site, "alice").get("/me").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"username": "alice"},
        {"username": "Alice!", "password": PASSWORD},
        {"username": "alice", "password": "short"},
        {"username": "alice", "password": ["text", "is", "wanted"]},
        {"username": "alice", "password": ""},
        [],
    ],
)
def test_an_invalid_sign_up_is_answered_with_a_json_error(site: Flask, body: object) -> None:
    response = site.test_client().post("/users", json=body)

    assert response.status_code == 400
    assert response.get_json()["error"] == "Bad Request"


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong horse"), ("nobody", PASSWORD)])
def test_a_wrong_name_is_refused_like_a_wrong_password(
    site: Flask, alice: FlaskClient, name: str, password: str
) -> None:
    response = site.test_client().post("/login", data={"username": name, "password": password})

    assert response.status_code == 401
    assert response.get_json()["error_description"] == "Wrong user name or password."
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="notes"')


def test_a_new_password_ends_every_login(site: Flask, alice: FlaskClient) -> None:
    other = log_in(site, "alice")

    assert alice.put("/me/password", data={"new_password": "battery staple"}).status_code == 204

    assert [client.get("/me").status_code for client in (alice, other)] == [401, 401]
    assert log_in(site, "alice", "battery staple").get("/me").status_code == 200
    assert site.test_client().post("/login", data={"username": "alice", "password": PASSWORD}).status_code == 401


def test_only_a_recent_login_changes_the_password_or_ends_the_account(site: Flask, alice: FlaskClient) -> None:
    with at(site, timedelta(minutes=6)):
        answers = [alice.put("/me/password", data={"new_password": "battery staple"}), alice.delete("/me")]

        assert alice.get("/me").status_code == 200
    assert [answer.status_code for answer in answers] == [401, 401]
    assert {answer.get_json()["error"] for answer in answers} == {"insufficient_user_authentication"}


def test_a_token_without_a_login_does_not_count_as_a_recent_login(site: Flask) -> None:
    client = logged_in(site, sign_up(site, "alice"), generation=0)

    with at(site, timedelta(hours=1)):
        assert client.get("/me").status_code == 200
        assert client.delete("/me").status_code == 401


def test_a_token_expires(site: Flask, alice: FlaskClient) -> None:
    with at(site, timedelta(minutes=16)):
        assert alice.get("/notes").status_code == 401


def test_a_deleted_user_is_refused_everywhere(site: Flask, alice: FlaskClient) -> None:
    note = alice.post("/notes", data={"text": "last words"}).get_json()

    assert alice.delete("/me").status_code == 204

    assert alice.get("/me").status_code == 401
    assert alice.get("/notes").status_code == 401
    assert alice.get(f"/notes/{note['id']}").status_code == 401
    assert alice.post("/notes", data={"text": "a ghost's"}).status_code == 401
    assert alice.post("/teams", data={"name": "ghosts"}).status_code == 401
    assert site.test_client().post("/login", data={"username": "alice", "password": PASSWORD}).status_code == 401


def test_a_new_user_with_the_name_of_a_deleted_one_has_no_notes(site: Flask, alice: FlaskClient) -> None:
    alice.post("/notes", data={"text": "mine"})
    alice.delete("/me")
    sign_up(site, "alice")

    assert alice.get("/me").status_code == 401
    assert log_in(site, "alice").get("/notes").get_json() == []


def test_a_token_of_an_unknown_user_is_refused(site: Flask) -> None:
    assert logged_in(site, uuid4(), generation=0).get("/me").status_code == 401


def test_a_note_can_be_created_changed_found_and_deleted(alice: FlaskClient) -> None:
    note = alice.post("/notes", json={"text": "follow the rabbit"}).get_json()
    alice.post("/notes", json={"text": "drink me"})
    address = f"/notes/{note['id']}"

    assert alice.get(address).get_json() == note
    assert alice.put(address, json={"text": "follow the White Rabbit"}).status_code == 200
    assert [found["text"] for found in alice.get("/notes/search?q=rabbit").get_json()] == ["follow the White Rabbit"]
    assert [found["text"] for found in alice.get("/notes").get_json()] == ["drink me", "follow the White Rabbit"]
    assert alice.delete(address).status_code == 204
    assert alice.get(address).status_code == 404


def test_a_user_cannot_see_the_notes_of_another(alice: FlaskClient, bob: FlaskClient) -> None:
    address = f"/notes/{alice.post('/notes', data={'text': 'secret'}).get_json()['id']}"

    assert bob.get("/notes").get_json() == []
    assert bob.get("/notes/search?q=secret").get_json() == []
    assert bob.get(address).status_code == 404
    assert bob.put(address, data={"text": "seen"}).status_code == 404
    assert bob.delete(address).status_code == 404
    assert alice.get(address).get_json()["text"] == "secret"


def test_a_user_is_admin_of_a_new_team_from_the_next_login_on(site: Flask, alice: FlaskClient) -> None:
    team = create_team(alice)

    assert alice.get(team).status_code == 403
    assert log_in(site, "alice").get(team).get_json()["members"] == {"alice": "admin"}
    assert [found["role"] for found in alice.get("/teams").get_json()] == ["admin"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "statuses"), [("read", [200, 403, 403]), ("write", [200, 201, 403]), ("admin", [200, 201, 200])]
)
def test_a_role_includes_the_lower_roles(
    site: Flask, alice: FlaskClient, bob: FlaskClient, role: str, statuses: list[int]
) -> None:
    team = create_team(alice)
    sign_up(site, "carol")
    assert log_in(site, "alice").put(f"{team}/members/bob", data={"role": role}).status_code == 200

    bob = log_in(site, "bob")
    reading = bob.get(f"{team}/notes")
    writing = bob.post(f"{team}/notes", data={"text": "tea at six"})
    inviting = bob.put(f"{team}/members/carol", data={"role": "read"})

    assert [reading.status_code, writing.status_code, inviting.status_code] == statuses


def test_the_scope_of_one_team_does_not_open_another(site: Flask) -> None:
    alice, ours, theirs = sign_up(site, "alice"), uuid4(), uuid4()
    client = logged_in(site, alice, [f"teams:{ours}:admin"], generation=0)

    assert "scope" not in client.get(f"/teams/{ours}").get_json()  # the scope is there, but the team does not exist
    assert client.get(f"/teams/{ours}").status_code == client.get(f"/teams/{theirs}").status_code == 403
    assert client.get(f"/teams/{theirs}").get_json()["scope"] == f"teams:{theirs}:read"


def test_a_note_of_a_team_is_found_only_in_its_team(site: Flask, alice: FlaskClient) -> None:
    ours, other = create_team(alice), create_team(alice)
    alice = log_in(site, "alice")
    note = alice.post(f"{ours}/notes", data={"text": "tea at six"}).get_json()["id"]

    assert alice.get(f"{ours}/notes/{note}").get_json()["text"] == "tea at six"
    assert alice.get(f"{other}/notes/{note}").status_code == 404
    assert alice.delete(f"{other}/notes/{note}").status_code == 404
    assert alice.delete(f"{ours}/notes/{note}").status_code == 204
    assert alice.get(f"{ours}/notes").get_json() == []


def test_a_removed_member_is_refused_at_once(site: Flask, alice: FlaskClient, bob: FlaskClient) -> None:
    team = create_team(alice)
    alice = log_in(site, "alice")
    alice.put(f"{team}/members/bob", data={"role": "write"})
    bob = log_in(site, "bob")
    assert bob.get(team).status_code == 200

    assert alice.delete(f"{team}/members/bob").status_code == 204

    assert bob.get(team).status_code == 403
    assert bob.get("/me").status_code == 200  # the user stays logged in
    assert log_in(site, "bob").get(team).status_code == 403
    assert alice.delete(f"{team}/members/bob").status_code == 404


def test_a_lower_role_counts_at_once(site: Flask, alice: FlaskClient, bob: FlaskClient) -> None:
    team = create_team(alice)
    alice = log_in(site, "alice")
    alice.put(f"{team}/members/bob", data={"role": "write"})
    bob = log_in(site, "bob")

    alice.put(f"{team}/members/bob", data={"role": "read"})

    assert bob.post(f"{team}/notes", data={"text": "still here"}).status_code == 403
    assert log_in(site, "bob").post(f"{team}/notes", data={"text": "still here"}).status_code == 403


@pytest.mark.slow
def test_a_team_always_has_an_admin(site: Flask, alice: FlaskClient) -> None:
    team = create_team(alice)
    alice = log_in(site, "alice")

    assert alice.delete("/me").status_code == 409
    assert alice.delete(f"{team}/members/alice").status_code == 409
    assert alice.put(f"{team}/members/alice", data={"role": "read"}).status_code == 409
    assert alice.delete(team).status_code == 204
    assert alice.get(team).status_code == 403
    assert alice.delete("/me").status_code == 204


def test_a_user_can_delete_the_account_if_the_team_has_another_admin(
    site: Flask, alice: FlaskClient, bob: FlaskClient
) -> None:
    team = create_team(alice)
    alice = log_in(site, "alice")

    alice.put(f"{team}/members/bob", data={"role": "admin"})

    assert bob.delete("/me").status_code == 204


def test_an_invitation_needs_a_known_user_and_a_known_role(site: Flask, alice: FlaskClient, bob: FlaskClient) -> None:
    team = create_team(alice)
    alice = log_in(site, "alice")

    assert alice.put(f"{team}/members/bob", data={"role": "king"}).status_code == 400
    assert alice.put(f"{team}/members/nobody", data={"role": "read"}).status_code == 404


def test_administrators_list_all_users(site: Flask, alice: FlaskClient, bob: FlaskClient) -> None:
    assert site.test_cli_runner().invoke(args=["promote", "alice"]).exit_code == 0
    assert site.test_cli_runner().invoke(args=["promote", "nobody"]).exit_code == 2

    assert alice.get("/admin/users").status_code == 403
    assert bob.get("/admin/users").get_json()["scope"] == "admin"
    users = log_in(site, "alice").get("/admin/users").get_json()
    assert [(user["name"], user["admin"]) for user in users] == [("alice", True), ("bob", False)]


def test_an_administrator_cannot_manage_teams(site: Flask) -> None:
    client = logged_in(site, sign_up(site, "alice"), ["admin"], generation=0)

    assert client.get("/admin/users").status_code == 200
    assert client.get(f"/teams/{uuid4()}").status_code == 403


def test_only_three_routes_are_open_without_a_token(site: Flask) -> None:
    client, adapter = site.test_client(), site.url_map.bind("localhost")
    values: dict[str, object] = {"note_id": uuid4(), "team_id": uuid4(), "name": "alice"}
    answers = {
        (method, rule.endpoint): client.open(adapter.build(rule.endpoint, values, append_unknown=False), method=method)
        for rule in site.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint != "static"
    }

    assert len(answers) == 23
    assert {route for route, answer in answers.items() if answer.status_code != 401} == {
        ("GET", "health.health"),
        ("POST", "sign_in.sign_up"),
        ("POST", "sign_in.login"),
    }


def test_every_error_is_json(site: Flask, alice: FlaskClient) -> None:
    answers = {
        404: alice.get("/nowhere"),
        405: alice.put("/health"),
        401: site.test_client().get("/me"),
        403: alice.get("/admin/users"),
        413: alice.post("/notes", data={"text": "x" * 70_000}),
        400: alice.post("/notes", data="{", content_type="application/json"),
    }

    for status, answer in answers.items():
        assert answer.status_code == status
        assert set(answer.get_json()) >= {"error", "error_description"}
    assert "GET" in answers[405].headers["Allow"]


def test_deeply_nested_json_is_answered(alice: FlaskClient) -> None:
    assert alice.post("/notes", data="[" * 60_000, content_type="application/json").status_code == 400


def test_a_token_without_generation_is_refused(site: Flask) -> None:
    headers = token_headers(site, sign_up(site, "alice"))

    assert site.test_client().get("/me", headers=headers).status_code == 401
    assert site.test_client().get("/health", headers=headers).status_code == 200


def test_the_route_check_passes(site: Flask) -> None:
    result = site.test_cli_runner().invoke(args=["tokenauth", "routes", "--check"])

    assert (result.exit_code, "OPEN" in result.output) == (0, False)
    assert "teams:{team_id}:admin" in result.output


def test_the_doctor_finds_only_hints(site: Flask) -> None:
    result = site.test_cli_runner().invoke(args=["tokenauth", "doctor"])

    assert result.exit_code == 0
    assert {line.split(":")[0] for line in result.output.splitlines()} == {"hint"}


def test_create_app_without_a_secret_raises(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLASK_SECRET_KEY", raising=False)

    with pytest.raises(SettingsError, match="FLASK_SECRET_KEY"):
        notes.create_app()


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_the_server_cannot_read_is_answered_with_400(site: Flask, content_type: str) -> None:
    """gunicorn raises an error of its own for a malformed chunk."""
    answer = post_malformed_chunk(site.test_client(), "/login", content_type)

    assert answer.status_code == 400
