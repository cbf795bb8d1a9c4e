"""The findings of the doctor about settings, check by check."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask_jwt_extended import JWTManager
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_tokenauth.commands.findings import Finding

from ..conftest import SECRET, MakeApp
from .doctor_kit import GOOD, find

pytestmark = pytest.mark.usefixtures("no_other_guards")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "fine", "risky"),
    [
        ("TOKENAUTH_ACCESS_LIFETIME", timedelta(hours=1), timedelta(hours=1, seconds=1)),
        ("TOKENAUTH_MAX_LIFETIME", timedelta(hours=24), timedelta(hours=24, seconds=1)),
        ("TOKENAUTH_LEEWAY", 60, 61),
        ("TOKENAUTH_ENFORCE_HTTPS", "warn", "off"),
        ("TOKENAUTH_ENFORCE_HTTPS", "refuse", "off"),
        ("TOKENAUTH_ISSUER", "https://issuer.example", None),
        ("DEBUG", False, True),
    ],
)
def test_a_risky_setting_is_a_warning_with_its_name(make_app: MakeApp, setting: str, fine: Any, risky: Any) -> None:
    assert find(make_app(**GOOD | {setting: fine})) == []

    [finding] = find(make_app(**GOOD | {setting: risky}))

    assert finding.severity == "warning"
    assert finding.sentence.startswith(f"{setting} is ")


@pytest.mark.parametrize(
    ("setting", "fine", "unset"),
    [
        ("TOKENAUTH_AUDIENCE", "https://issuer.example", None),  # the default value, but set explicitly
        ("PREFERRED_URL_SCHEME", "https", "http"),
    ],
)
def test_an_unset_setting_is_a_hint(make_app: MakeApp, setting: str, fine: Any, unset: Any) -> None:
    assert find(make_app(**GOOD | {setting: fine})) == []

    [finding] = find(make_app(**GOOD | {setting: unset}))

    assert finding.severity == "hint"
    assert setting in finding.sentence


@pytest.mark.parametrize(("given", "found"), [({}, 1), ({"TOKENAUTH_ENFORCE_HTTPS": "off"}, 2)])
def test_plain_http_in_debug_mode_is_a_finding_only_if_it_was_set(
    make_app: MakeApp, given: dict[str, Any], found: int
) -> None:
    assert len(find(make_app(**GOOD | {"DEBUG": True} | given))) == found


def test_plain_http_stays_allowed_after_debug_mode_is_turned_off(make_app: MakeApp) -> None:
    app = make_app(**GOOD | {"DEBUG": True})
    app.debug = False

    assert [finding.sentence.partition(" ")[0] for finding in find(app)] == ["TOKENAUTH_ENFORCE_HTTPS"]


@pytest.mark.parametrize("name", ["app", "wsgi_app"])
def test_the_doctor_finds_proxy_fix_within_other_middleware(make_app: MakeApp, name: str) -> None:
    app = make_app(**GOOD | {"PREFERRED_URL_SCHEME": "http"})
    assert len(find(app)) == 1

    middleware: Any = SimpleNamespace(**{name: ProxyFix(app.wsgi_app)})
    app.wsgi_app = middleware  # type: ignore[method-assign]  # as in Flask's documentation

    assert find(app) == []


def test_middleware_in_a_circle_does_not_hang_the_doctor(make_app: MakeApp) -> None:
    app = make_app(**GOOD | {"PREFERRED_URL_SCHEME": "http"})
    middleware: Any = SimpleNamespace(app=app)

    app.wsgi_app = middleware  # type: ignore[method-assign]  # as in Flask's documentation

    assert len(find(app)) == 1


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        (["JWT_SECRET_KEY"], "JWT_SECRET_KEY (here SECRET_KEY)"),
        (["JWT_TOKEN_LOCATION"], "JWT_TOKEN_LOCATION (here TOKENAUTH_COOKIES)"),
        (["JWT_CSRF_METHODS"], "JWT_CSRF_METHODS (here no counterpart)"),
        (["JWT_MINE"], "JWT_MINE"),
        (
            ["JWT_ACCESS_TOKEN_EXPIRES", "JWT_B", "JWT_C", "JWT_D"],
            "JWT_ACCESS_TOKEN_EXPIRES (here TOKENAUTH_ACCESS_LIFETIME), JWT_B, JWT_C and 1 more",
        ),
    ],
)
def test_settings_of_flask_jwt_extended_are_a_hint(make_app: MakeApp, keys: list[str], named: str) -> None:
    [finding] = find(make_app(**GOOD, **dict.fromkeys(keys, SECRET)))

    assert finding == Finding(
        "hint",
        f'TokenAuth does not read {named}: see "Coming from Flask-JWT-Extended" in the documentation, and remove '
        "settings that you no longer need.",
    )


def test_settings_of_flask_jwt_extended_are_fine_as_long_as_it_is_set_up(make_app: MakeApp) -> None:
    app = make_app(**GOOD)
    JWTManager(app)

    assert find(app) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("FLASK_TOKENAUTH_LEEWAY", True),
        ("FLASK_TOKENAUTH_SCOPES__admin", True),
        ("FLASK_TOKENAUTH_ISUER", True),
        ("TOKENAUTH_LEEWAY", True),
        ("TOKENAUTH_OTHER", False),
        ("FLASK_OTHER", False),
        ("FLASK_TOKENAUTH_AUDIENCE", False),  # it is set
        ("FLASK_TOKENAUTH_AUDIENCE__x", False),
        ("TOKENAUTH_AUDIENCE", False),
    ],
)
def test_an_environment_variable_that_nothing_reads_is_a_warning(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, key: str, found: object
) -> None:
    monkeypatch.setenv(key, SECRET)

    findings = find(make_app(**GOOD))

    assert bool(findings) is found
    assert findings in (
        [],
        [
            Finding(
                "warning",
                f"These environment variables have no effect: {key}; call app.config.from_prefixed_env() before "
                "TokenAuth(app), which reads those that begin with FLASK_TOKENAUTH_.",
            )
        ],
    )


@pytest.mark.parametrize(
    ("settings", "severities"),
    [
        ({}, ["hint"]),
        ({"TOKENAUTH_DEFAULT_GUARD": "login_required"}, []),
        ({"TOKENAUTH_PUBLIC_ENDPOINTS": None}, []),
    ],
)
def test_public_endpoints_without_a_default_guard_are_a_hint(
    make_app: MakeApp, settings: dict[str, object], severities: list[str]
) -> None:
    app = make_app(**{"TOKENAUTH_PUBLIC_ENDPOINTS": ["static"]} | settings)

    found = [finding for finding in find(app) if "PUBLIC_ENDPOINTS" in finding.sentence]

    assert [finding.severity for finding in found] == severities
    assert all('set TOKENAUTH_DEFAULT_GUARD to "login_required"' in finding.sentence for finding in found)


@pytest.mark.parametrize(
    ("api_keys", "enforce", "severities"),
    [(True, "warn", ["hint"]), (True, "refuse", []), (True, "off", ["warning"]), (False, "warn", [])],
)
def test_api_keys_over_plain_http_are_a_hint(
    make_app: MakeApp, *, api_keys: bool, enforce: str, severities: list[str]
) -> None:
    app = make_app(**GOOD, TOKENAUTH_STORE="memory://", TOKENAUTH_API_KEYS=api_keys, TOKENAUTH_ENFORCE_HTTPS=enforce)

    found = [finding for finding in find(app) if "TOKENAUTH_ENFORCE_HTTPS" in finding.sentence]

    assert [finding.severity for finding in found] == severities
