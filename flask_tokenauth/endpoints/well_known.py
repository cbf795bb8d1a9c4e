"""The documents that other services find at well-known addresses (RFC 8615): the blueprint ``auth.well_known``.

No address in them comes from the request: its header ``Host`` is chosen by the client.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

import msgspec
from flask import Blueprint, Response, abort, request
from flask.blueprints import BlueprintSetupState

from ..application.app_state import AppState, current_state
from ..application.declared_scopes import OWN_SCOPES
from ..application.setting_types import PREFIX
from ..core.errors import SettingsError
from ..core.keys.key_set import KeySet
from ..guards.decorators import public
from ..guards.sharing import shareable

KEY_SET = "/.well-known/jwks.json"
SERVER = "/.well-known/oauth-authorization-server"  # RFC 8414 section 3
RESOURCE = "/.well-known/oauth-protected-resource"  # RFC 9728 section 3
_ENDPOINTS = "flask_tokenauth.endpoints.blueprint"  # import name of the blueprint of endpoints


def make_blueprint() -> Blueprint:
    """Return the blueprint. It has to be registered at the root."""
    well_known = Blueprint("tokenauth_well_known", __name__)
    well_known.record(_check)
    well_known.after_request(_open_to_other_origins)
    well_known.add_url_rule(KEY_SET, "key_set", show_key_set)
    for path, name, view in (
        (SERVER, "authorization_server", show_authorization_server),
        (RESOURCE, "protected_resource", show_protected_resource),
    ):
        well_known.add_url_rule(path, name, view)
        well_known.add_url_rule(f"{path}/<path:suffix>", name, view)
    return well_known


def _check(registration: BlueprintSetupState) -> None:
    """Refuse a prefix, and keys that must not be published. An application that is set up later finds out in use."""
    if registration.url_prefix:
        raise SettingsError(
            "auth.well_known must be registered without a url_prefix, since other services look at the root: call "
            "app.register_blueprint(auth.well_known)"
        )
    state: AppState | None = registration.app.extensions.get("tokenauth")
    if state is not None:
        check_keys(state)


def check_keys(state: AppState) -> None:
    """Check that the keys of an application may be published.

    Raises:
        SettingsError: they are secrets.
    """
    _write_key_set(state.settings.keys, state.settings.keys.generation)


def _open_to_other_origins(response: Response) -> Response:
    """Let pages of all origins read the documents, with any header, also the refusals."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Headers"] = "*"
        response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
    return response


@shareable
@public
def show_key_set() -> Response:
    """Return the public keys (RFC 7517 section 5)."""
    state = current_state()
    if state.key_file is not None:
        state.key_file.look()
    keys = state.settings.keys
    return _answer(state, _write_key_set(keys, keys.generation), "application/jwk-set+json")


@lru_cache(maxsize=8)
def _write_key_set(keys: KeySet, _: int) -> bytes:
    """Return the public halves of all keys, in JSON. The number is the generation of the set.

    Raises:
        SettingsError: the keys are secrets.
    """
    if any(key.key_type == "oct" for key in keys):
        raise SettingsError(
            f"auth.well_known needs {PREFIX}KEYS with private or public keys, got a secret, which must never be "
            "published: make a key with python -m flask_tokenauth keys generate, or do not register auth.well_known"
        )
    return msgspec.json.encode({"keys": [key.to_jwk() for key in keys if key.can_verify]})


@shareable
@public
def show_authorization_server(suffix: str = "") -> Response:
    """Return the metadata of this authorization server (RFC 8414 section 3.2), if the endpoints are registered."""
    state = current_state()
    issuer, paths = state.settings.issuer, _find_paths(state)
    if not paths or not _is_url(issuer) or _path_of(issuer) != suffix.strip("/"):
        abort(HTTPStatus.NOT_FOUND)
    clients = ["client_secret_basic"] if state.settings.introspection_clients else []
    base = _base_of(state)
    document: dict[str, object] = {
        "issuer": issuer,
        "jwks_uri": base + KEY_SET,
        "token_endpoint": base + paths["refresh"],
        "revocation_endpoint": base + paths["revoke"],
        "introspection_endpoint": base + paths["introspect"],
        "response_types_supported": [],
        "grant_types_supported": ["refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint_auth_methods_supported": ["Bearer", *clients],
    }
    return _answer(state, msgspec.json.encode(document | _scopes(state)), "application/json")


@shareable
@public
def show_protected_resource(suffix: str = "") -> Response:
    """Return the metadata of this protected resource (RFC 9728 section 3.2), if ``TOKENAUTH_RESOURCE`` is set."""
    state = current_state()
    settings = state.settings
    if settings.resource is None or _path_of(settings.resource) != suffix.strip("/"):
        abort(HTTPStatus.NOT_FOUND)
    own = [settings.issuer] if settings.keys.signing_key is not None else []
    servers = [name for name in (*own, *(issuer.name for issuer in settings.trusted_issuers)) if _is_url(name)]
    document: dict[str, object] = {"resource": settings.resource}
    if servers:
        document["authorization_servers"] = servers
    document |= {**_scopes(state), "bearer_methods_supported": ["header"]}
    return _answer(state, msgspec.json.encode(document), "application/json")


def _find_paths(state: AppState) -> Mapping[str, str]:
    """Return the paths of the endpoints, by their names; an empty mapping if they are not registered."""
    for name, blueprint in state.app.blueprints.items():
        if blueprint.import_name == _ENDPOINTS:
            names = ("refresh", "revoke", "introspect")
            rules = {short: next(state.app.url_map.iter_rules(f"{name}.{short}")) for short in names}
            if not any(rule.arguments for rule in rules.values()):  # as of a blueprint for each tenant
                return {short: rule.rule for short, rule in rules.items()}
    return {}


def _base_of(state: AppState) -> str:
    """Return the URL of the root of this application, without a slash at the end."""
    if state.settings.origin is not None:
        origin = state.settings.origin
    else:
        parts = urlsplit(state.settings.issuer)
        origin = f"{parts.scheme}://{parts.netloc}"
    root = str(state.app.config["APPLICATION_ROOT"]).strip("/")
    return f"{origin}/{root}" if root else origin


def _scopes(state: AppState) -> dict[str, object]:
    declared = state.settings.scopes
    return {} if declared is None else {"scopes_supported": sorted(declared.descriptions.keys() - OWN_SCOPES.keys())}


def _path_of(url: str) -> str:
    """Return the path of a URL without slashes at its ends, as a route gives it to a view."""
    return unquote(urlsplit(url).path).strip("/")


def _is_url(issuer: str) -> bool:
    """Return whether an issuer is a URL as RFC 8414 section 2 has it; http is left to those who want it."""
    try:
        parts = urlsplit(issuer)
        is_bare = parts.username is None and not parts.query and not parts.fragment and parts.port != 0
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname) and is_bare


def _answer(state: AppState, body: bytes, content_type: str) -> Response:
    response = Response(body, content_type=content_type)
    response.cache_control.public = True
    response.cache_control.max_age = int(state.settings.keys_max_age.total_seconds())
    response.set_etag(sha256(body).hexdigest()[:32])
    response.make_conditional(request)
    return response
