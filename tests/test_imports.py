"""The imports of an application: with ``SECRET_KEY`` alone, nothing that only other settings need."""

import inspect
import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from types import ModuleType
from typing import get_type_hints

import pytest

import flask_tokenauth
from flask_tokenauth import TokenAuth, core

PROGRAM = """
import json, sys
from flask import Flask
flasks_own = set(sys.modules)
import flask_tokenauth

stages = [sorted(set(sys.modules) - flasks_own)]
app = Flask("shop")
app.config.update({config})
auth = flask_tokenauth.TokenAuth(app)
stages.append(sorted(set(sys.modules) - flasks_own))

@app.get("/")
@flask_tokenauth.login_required
def view():
    return flask_tokenauth.get_token().subject

with app.app_context():
    token = flask_tokenauth.create_token("alice")
environ = {{"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "x", "SERVER_PORT": "443",
           "wsgi.url_scheme": "https", "HTTP_AUTHORIZATION": "Bearer " + token}}
answer = b"".join(app(environ, lambda *_: None))
stages.append(sorted(set(sys.modules) - flasks_own))
print(json.dumps([answer.decode(), *stages]))
"""
SECRET_ALONE = {"SECRET_KEY": "k9Jd83hfLqP02mZxQw7Tn5Rb1Vy6Uc4E", "TOKENAUTH_ISSUER": "https://shop.example"}
ISSUER = {"issuer": "https://id.example", "jwks_uri": "https://id.example/jwks", "audience": "shop", "users": "shared"}
NOT_NEEDED = [
    "asyncio",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.serialization.ssh",
    "cryptography.x509",
    "flask_tokenauth.application.key_file",
    "flask_tokenauth.application.trust",
    "flask_tokenauth.authentication.clients",
    "flask_tokenauth.commands.doctor",
    "flask_tokenauth.core.fetching",
    "flask_tokenauth.core.keys.encryption_key",
    "flask_tokenauth.core.keys.loading",
    "flask_tokenauth.core.keys.pem",
    "flask_tokenauth.core.opaque.lookups",
    "flask_tokenauth.core.revocation",
    "flask_tokenauth.core.rotation",
    "flask_tokenauth.core.tokens.jwe",
    "flask_tokenauth.core.trusted_issuers.issuer",
    "flask_tokenauth.core.trusted_issuers.rules",
    "flask_tokenauth.downstream.exchange_auth",
    "flask_tokenauth.endpoints",
    "flask_tokenauth.lifecycle.exchange",
    "flask_tokenauth.lifecycle.tickets",
    "flask_tokenauth.lifecycle.trade",
    "flask_tokenauth.stores.opening",
    "flask_tokenauth.testing",
    "joserfc",
    "jwt",
    "redis",
    "sqlalchemy",
    "urllib.request",
    "urllib3",
]


def import_stages(config: Mapping[str, object]) -> list[set[str]]:
    """Return the modules of a process after the import, after ``init_app``, and after a request.

    Those that Flask has imported before do not count: older versions import ``asyncio`` and ``urllib.request``.
    """
    program = PROGRAM.format(config=config)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    answer, *stages = json.loads(ran.stdout)
    assert answer == "alice"
    return [set(stage) for stage in stages]


def ours_in(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("flask_tokenauth")}


@pytest.fixture(scope="module")
def with_secret_alone() -> list[set[str]]:
    return import_stages(SECRET_ALONE)


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_NEEDED)
def test_an_application_with_a_secret_key_alone_never_imports(with_secret_alone: list[set[str]], name: str) -> None:
    assert find_spec(name) is not None  # it has no other name now
    assert name not in with_secret_alone[-1]


@pytest.mark.slow
def test_nothing_of_the_package_is_imported_after_it(with_secret_alone: list[set[str]]) -> None:
    """Otherwise the time would only have moved, from the import to the first request."""
    first, *later = map(ours_in, with_secret_alone)

    assert later == [first, first]


@pytest.mark.slow
def test_what_keys_of_another_issuer_need_is_imported_before_the_first_request() -> None:
    """They are fetched in a request, which must not wait for an import too."""
    _, after_setup, after_request = import_stages({**SECRET_ALONE, "TOKENAUTH_TRUSTED_ISSUERS": [ISSUER]})

    assert {"flask_tokenauth.application.trust", "jwt", "cryptography.x509"} <= after_setup
    assert ours_in(after_request) == ours_in(after_setup)


@pytest.mark.parametrize("module", [flask_tokenauth, core])
def test_a_name_that_does_not_exist_is_an_error_of_the_usual_kind(module: object) -> None:
    with pytest.raises(AttributeError, match=r"^module 'flask_tokenauth.*' has no attribute 'Nothing'$"):
        getattr(module, "Nothing")  # noqa: B009  # type checkers would refuse the other form


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module in (flask_tokenauth, core) for name in module.__all__]
)
def test_each_public_name_can_be_imported(module: object, name: str) -> None:
    """Some are imported at their first use."""
    assert getattr(module, name) is not None


@pytest.mark.parametrize("module", [flask_tokenauth, core])
def test_each_public_name_is_listed_for_tools_that_complete_names(module: ModuleType) -> None:
    assert {*vars(module), *module.__all__} == set(dir(module))


@pytest.mark.parametrize("name", [name for name, _ in inspect.getmembers(TokenAuth, inspect.isfunction)])
def test_tools_can_read_the_types_of_each_method_of_token_auth(name: str) -> None:
    assert "return" in get_type_hints(getattr(TokenAuth, name))
