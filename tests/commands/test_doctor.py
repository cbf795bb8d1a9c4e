"""The findings of the doctor, check by check."""

import json
from datetime import timedelta
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask_cors import CORS
from werkzeug.routing import Rule, Submount

from flask_tokenauth import TokenAuth, login_required, public, require_scope
from flask_tokenauth.commands.doctor import CHECKS
from flask_tokenauth.commands.findings import Finding
from flask_tokenauth.core import Key, KeySet
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import AUDIENCE, NOW, SECRET, MakeApp
from ..core.trusted_issuers.rules_kit import issuer_with
from ..encryption_kit import keys_setting
from ..guards.routes_kit import make_view
from .doctor_kit import GOOD, find
from .test_doctor_of_stores import FailingStore

DOWN = "http://127.0.0.1:1"  # a server that does not answer
HASH = "sha256:" + "0" * 64

pytestmark = pytest.mark.usefixtures("no_other_guards")


@pytest.fixture
def sound(make_app: MakeApp) -> Flask:
    """An application without a finding."""
    return make_app(**GOOD)


def test_the_doctor_finds_nothing_in_a_sound_application(sound: Flask) -> None:
    sound.add_url_rule("/x", view_func=login_required(make_view()), endpoint="x")

    assert find(sound) == []


@pytest.mark.parametrize("signs", [True, False])
@pytest.mark.parametrize("registered", [True, False])
def test_endpoints_without_a_signing_key_are_an_error(make_app: MakeApp, *, signs: bool, registered: bool) -> None:
    auth, key = TokenAuth(), Key.generate("EdDSA")
    keys = KeySet([key if signs else key.public()])
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://", TOKENAUTH_KEYS=keys)
    if registered:
        app.register_blueprint(auth.endpoints, name="sessions")

    findings = [finding for finding in find(app) if "TOKENAUTH_KEYS" in finding.sentence]

    assert [finding.severity for finding in findings] == (["error"] if registered and not signs else [])
    assert all("sessions.refresh fails" in finding.sentence for finding in findings)


@pytest.mark.parametrize(
    ("signs", "registered", "severities"),
    [(True, True, []), (True, False, ["hint"]), (False, False, [])],
    ids=["registered", "not registered", "no key that signs"],
)
def test_a_store_without_the_endpoints_is_a_hint(
    make_app: MakeApp, *, signs: bool, registered: bool, severities: list[str]
) -> None:
    auth, key = TokenAuth(), Key.generate("EdDSA")
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://", TOKENAUTH_KEYS=KeySet([key if signs else key.public()]))
    if registered:
        app.register_blueprint(auth.endpoints)

    found = [finding for finding in find(app) if "auth.endpoints" in finding.sentence]

    assert [finding.severity for finding in found] == severities
    assert all("token_response gives out refresh tokens" in finding.sentence for finding in found)


@pytest.mark.parametrize(("registered", "severities"), [(True, []), (False, ["hint"])])
def test_clients_that_cannot_introspect_are_a_hint(
    make_app: MakeApp, *, registered: bool, severities: list[str]
) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://", TOKENAUTH_INTROSPECTION_CLIENTS={"billing": HASH})
    if registered:
        app.register_blueprint(auth.endpoints)

    found = [finding for finding in find(app) if "TOKENAUTH_INTROSPECTION_CLIENTS" in finding.sentence]

    assert [finding.severity for finding in found] == severities


@pytest.mark.parametrize(("registered", "severities"), [(True, []), (False, ["hint"])])
def test_callers_that_cannot_exchange_are_a_hint(make_app: MakeApp, *, registered: bool, severities: list[str]) -> None:
    auth, keys = TokenAuth(), KeySet([Key.generate("EdDSA")])
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://", TOKENAUTH_KEYS=keys, TOKENAUTH_EXCHANGE={"billing": "x"})
    if registered:
        app.register_blueprint(auth.endpoints)

    found = [finding for finding in find(app) if "TOKENAUTH_EXCHANGE" in finding.sentence]

    assert [finding.severity for finding in found] == severities


@pytest.mark.parametrize(
    ("paths", "named"),
    [
        (["/a"], "GET /a;"),
        (["/a", "/b", "/c"], "GET /a, GET /b, GET /c;"),
        (["/a", "/b", "/c", "/d"], "GET /a, GET /b, GET /c and 1 more;"),
    ],
)
def test_open_routes_are_a_warning(make_app: MakeApp, paths: list[str], named: str) -> None:
    app = make_app(**GOOD | {"TOKENAUTH_DEFAULT_GUARD": None})
    app.view_functions["x"] = make_view()
    app.url_map.add(Submount("", [Rule(path, endpoint="x", methods=["GET"]) for path in paths]))

    [finding] = find(app)

    assert finding.severity == "warning"
    assert finding.sentence.startswith(f"These routes have no guard and are not marked as public: {named} guard")
    assert "TOKENAUTH_DEFAULT_GUARD" in finding.sentence


KEY_GUARDS = {
    "a scope": (require_scope("a"), []),
    "api_keys": (login_required(api_keys=True), []),
    "a login": (login_required, ["hint"]),
    "a recent login": (login_required(max_age=60), ["hint"]),
    "public": (public, ["hint"]),
}


@pytest.mark.parametrize(("guard", "severities"), KEY_GUARDS.values(), ids=KEY_GUARDS)
def test_api_keys_that_open_nothing_are_a_hint(make_app: MakeApp, guard: Any, severities: list[str]) -> None:
    """POST /auth/introspect accepts one with a scope, but that alone is no reason to have API keys."""
    auth = TokenAuth()
    app = make_app(**GOOD, auth=auth, TOKENAUTH_STORE=MemoryStore(), TOKENAUTH_API_KEYS=True)
    app.register_blueprint(auth.endpoints)
    app.add_url_rule("/x", view_func=guard(make_view()), endpoint="x")

    found = [finding for finding in find(app) if "no route accepts API keys" in finding.sentence]

    assert [finding.severity for finding in found] == severities


def test_guards_that_reach_no_route_are_a_warning(sound: Flask) -> None:
    one, other = Blueprint("one", __name__), Blueprint("other", __name__)
    TokenAuth().protect(one)
    TokenAuth().protect(other)

    found = find(sound)

    assert [finding.severity for finding in found] == ["warning", "warning"]
    assert [finding.sentence.partition(" reaches")[0] for finding in found] == [
        "The guard of blueprint one",
        "The guard of blueprint other",
    ]


def test_a_guard_that_can_never_work_is_an_error(make_app: MakeApp) -> None:
    app = make_app(**GOOD | {"TOKENAUTH_SCOPES": {"a": "A"}})
    app.add_url_rule("/x", view_func=require_scope("b")(make_view()), endpoint="x")

    assert find(app) == [
        Finding(
            "error",
            "The first request would fail: /x: scope b is not declared in TOKENAUTH_SCOPES: declare it, or correct its "
            "name.",
        )
    ]


def test_a_message_that_ends_with_a_question_gets_no_full_stop(make_app: MakeApp) -> None:
    app = make_app(**GOOD | {"TOKENAUTH_SCOPES": {"reports": "Reports"}})
    app.add_url_rule("/x", view_func=require_scope("report")(make_view()), endpoint="x")

    [finding] = find(app)

    assert finding.sentence.endswith("declare it, or did you mean reports?")


def test_a_public_endpoint_that_no_route_has_is_an_error(make_app: MakeApp) -> None:
    [finding] = find(make_app(**GOOD, TOKENAUTH_PUBLIC_ENDPOINTS=["login"]))

    assert finding.severity == "error"
    assert finding.sentence.startswith("The first request would fail: TOKENAUTH_PUBLIC_ENDPOINTS names login, ")


def test_a_guard_that_loads_users_needs_a_loader(make_app: MakeApp) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth, **GOOD)
    app.add_url_rule("/x", view_func=login_required(load_user=True)(make_view()), endpoint="x")

    [finding] = find(app)

    assert finding.severity == "error"
    assert finding.sentence.startswith("There is no user_loader, which load_user=True needs (GET /x): ")
    auth.user_loader(lambda user_id: user_id)
    assert find(app) == []


def test_findings_are_sorted_by_severity(make_app: MakeApp) -> None:
    app = make_app(DEBUG=True, TOKENAUTH_LEEWAY=61, TOKENAUTH_AUDIENCE=None, TOKENAUTH_SCOPES={"a": "A"})
    app.add_url_rule("/x", view_func=require_scope("b")(make_view()), endpoint="x")

    assert [finding.severity for finding in find(app)] == ["error", "warning", "warning", "hint", "hint"]


def test_public_on_a_function_before_requests_is_a_warning(sound: Flask) -> None:
    hook = public(make_view())
    hook.__qualname__ = "look_up"
    sound.before_request(hook)

    [finding] = find(sound)

    assert finding == Finding(
        "warning",
        f"@public has no effect on a before_request function ({hook.__module__}.look_up): write it above the views "
        "that you want to open.",
    )


def find_everything(make_app: MakeApp) -> list[Finding]:
    """Return all possible findings. This takes several applications, since a store needs an issuer."""
    app = make_app(
        JWT_SECRET_KEY=SECRET,
        TOKENAUTH_STORE_TIMEOUT=1,
        DEBUG=True,
        TOKENAUTH_ISSUER=None,
        TOKENAUTH_AUDIENCE=None,
        TOKENAUTH_ACCESS_LIFETIME=timedelta(days=2),
        TOKENAUTH_MAX_LIFETIME=timedelta(days=2),
        TOKENAUTH_LEEWAY=61,
        TOKENAUTH_ENFORCE_HTTPS="off",
        TOKENAUTH_SCOPES={"a": "A"},
        TOKENAUTH_PUBLIC_ENDPOINTS=["static"],
    )
    app.before_request(public(make_view()))
    app.add_url_rule("/x", view_func=require_scope("b")(make_view()), endpoint="x")
    app.add_url_rule("/y", view_func=login_required(load_user=True)(make_view()), endpoint="y")
    app.add_url_rule("/z", view_func=make_view(), endpoint="z")
    blueprint = Blueprint("stray", __name__)
    TokenAuth().protect(blueprint)
    auth = TokenAuth()
    stored = make_app(
        **GOOD,
        auth=auth,
        TOKENAUTH_KEYS=KeySet([Key.generate("EdDSA").public()]),
        TOKENAUTH_STORE=FailingStore(),
        TOKENAUTH_REFRESH_IDLE_LIFETIME=61,
        TOKENAUTH_SESSION_LIFETIME=60,
        TOKENAUTH_REVOCATION="off",
    )
    stored.register_blueprint(auth.endpoints)
    without_endpoints = make_app(
        **GOOD,
        TOKENAUTH_STORE=MemoryStore(),
        TOKENAUTH_STORE_PREFIX="shop",
        TOKENAUTH_REVOCATION="strict",
        TOKENAUTH_INTROSPECTION_CLIENTS={"billing": HASH},
        TOKENAUTH_API_KEYS=True,
        TOKENAUTH_COOKIES="all",
    )
    CORS(without_endpoints)
    others = [find_about_keys(make_app), find_about_issuers(make_app)]
    found = [*find(app), *find(stored), *find(without_endpoints), *chain.from_iterable(others)]
    return list({finding: None for finding in found if "auth.endpoints reach" not in finding.sentence})


def find_about_issuers(make_app: MakeApp) -> list[Finding]:
    """Return one finding of each check of trusted issuers."""
    down = issuer_with(issuer=DOWN, keys=..., jwks_uri=f"{DOWN}/keys")
    weak = issuer_with(issuer="https://legacy.example", keys=..., secret=SECRET)
    over = issuer_with(issuer="https://old.example", until="2023-01-01", user_claims="email")
    found = find(make_app(**GOOD, TOKENAUTH_AUDIENCE=AUDIENCE, TOKENAUTH_TRUSTED_ISSUERS=[down, weak, over]))
    return [finding for finding in found if finding.severity != "info"]


def find_about_keys(make_app: MakeApp) -> list[Finding]:
    """Return one finding of each check of the keys."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "keys.json"
        jwk = {**Key.generate("EdDSA").to_jwk(private=True), "status": "active", "status_since": NOW}
        path.write_text(json.dumps({"keys": [jwk]}))
        path.chmod(0o644)
        encryption = keys_setting(TOKENAUTH_ACCEPT_PLAIN_UNTIL="2023-01-01")
        resource = {"TOKENAUTH_RESOURCE": AUDIENCE, "TOKENAUTH_AUDIENCE": AUDIENCE}
        return find(make_app(**GOOD, TOKENAUTH_KEYS=str(path), **resource, **encryption))


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable that the applications of the tests do not read."""
    monkeypatch.setenv("FLASK_TOKENAUTH_REALM", SECRET)


@pytest.mark.usefixtures("variable")
def test_every_check_has_a_finding(make_app: MakeApp) -> None:
    assert len(find_everything(make_app)) == len(CHECKS) + 1  # both lifetimes are one check


@pytest.mark.usefixtures("variable")
def test_each_finding_is_one_sentence_without_a_secret(make_app: MakeApp) -> None:
    sentences = [finding.sentence for finding in find_everything(make_app)]

    assert SECRET not in "".join(sentences)
    assert [line for line in sentences if not line.endswith((".", "?")) or ". " in line or "\n" in line] == []
