"""The public API as users write it. Type checkers check this file; it never runs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import assert_type
from uuid import UUID

import httpx
import requests
from flask import Blueprint, Flask, Response
from flask.views import MethodView

from flask_tokenauth import (
    Grant,
    NotAuthenticated,
    Session,
    StoreUnavailable,
    TemporarilyUnavailable,
    Token,
    TokenAuth,
    TrustedIssuer,
    create_token,
    forward_headers,
    get_token,
    get_token_text,
    login_optional,
    login_required,
    public,
    refresh_retried,
    refresh_reused,
    require_claim,
    require_scope,
    session_ended,
    session_refreshed,
    session_started,
    store_rolled_back,
    token_response,
    token_revoked,
    user_revoked,
)
from flask_tokenauth.core import ClaimsPolicy, Key, KeySet, TokenError, Verifier
from flask_tokenauth.downstream.httpx import ExchangeAuth as HttpxExchangeAuth
from flask_tokenauth.downstream.requests import ExchangeAuth

app = Flask(__name__)
auth = TokenAuth(app)
numbered = TokenAuth(user_id_type=int)
unique = TokenAuth(app, user_id_type=UUID)

assert_type(auth, TokenAuth[str])
assert_type(auth.user_id, str)
assert_type(numbered.user_id, int)
assert_type(unique.user_id, UUID)


@dataclass
class User:
    name: str


@numbered.user_loader
def get_user(user_id: int) -> User | None:
    return User(str(user_id))


@unique.user_loader
async def get_user_later(user_id: UUID) -> User | None:
    return User(str(user_id))


assert_type(get_user(), User)
assert_type(get_user_later(), User)
assert_type(get_token(), Token | None)
assert_type(get_token_text(), str)
assert_type(forward_headers("a"), dict[str, str])
assert_type(auth.verify("text"), Token)
assert_type(auth.verify("text", audience="a"), Token)
assert_type(auth.verify("text", audience=["a", "b"]), Token)
assert_type(auth.allows("a", "b", any_of=("c", "d")), bool)


@auth.token_check
def is_long(token: Token) -> bool:
    return len(token.subject) > 3


@auth.issuer_loader(r"https://[a-z]+\.example\.com")
def load_issuer(name: str) -> TrustedIssuer | None:
    async def find_user(token: Token) -> str | None:
        return token.subject or None

    shared = TrustedIssuer(issuer=name, audience="api", users="shared", jwks_uri="https://id.example.com/keys")
    return TrustedIssuer(issuer=name, audience="api", users=find_user, discovery=True, scopes={"a": "b"}) or shared


def trade_old_token(text: str) -> Response:
    def find_scopes(user_id: str) -> list[str]:
        return [user_id]

    return auth.trade(text, find_scopes, label="phone", claims={"team": "blue"})


@auth.before_refresh
def narrow(session: Session) -> Grant | None:
    assert_type(session.user_id, str)
    assert_type(session.label, str | None)
    assert_type(session.grant, Grant)
    return session.grant.replace(scopes=("a",), claims={"team": "blue"}) if session.generation < 3 else None


@numbered.before_refresh
async def narrow_later(session: Session) -> Grant:
    return Grant(scopes=session.grant.scopes, lifetime=timedelta(minutes=5))


asked: Callable[[Session], Grant | None] = narrow
assert_type(auth.endpoints, Blueprint)
app.register_blueprint(auth.endpoints, url_prefix="/v2")


@session_started.connect
@session_refreshed.connect
@refresh_retried.connect
@refresh_reused.connect
@store_rolled_back.connect
def listen(sender: Flask, session_id: str, user_id: str) -> None: ...


@token_revoked.connect
def listen_to_revocations(sender: Flask, token_id: str, user_id: str | None) -> None: ...


@user_revoked.connect
def listen_to_the_end_of_all(sender: Flask, user_id: str) -> None: ...


@session_ended.connect
def listen_to_the_end(sender: Flask, session_id: str, user_id: str, reason: str) -> None: ...


@app.errorhandler(TemporarilyUnavailable)
def answer_otherwise(error: TemporarilyUnavailable) -> tuple[dict[str, str], int]:
    assert_type(error.reason, str)
    return {"error": error.data["error"]}, 503


@app.errorhandler(StoreUnavailable)
def answer_an_outage(error: StoreUnavailable) -> tuple[str, int]:
    return str(error), 503


@app.get("/<int:number>")
@login_required
def plain(number: int) -> dict[str, int]:
    return {"number": number}


@app.get("/called")
@login_required(max_age=timedelta(minutes=5), load_user=True)
def called() -> str:
    return "called"


@app.get("/scoped/<name>")
@require_scope("a:{name}", any_of=["b", "c"])
def scoped(name: str, extra: bytes = b"") -> str:
    return name


@app.get("/claimed")
@require_claim("role", "editor", 3, True)  # noqa: FBT003  # a value
def claimed(name: str) -> str:
    return name


@app.get("/later")
@require_claim("realm_access.roles", "editor")
@require_scope("a")
async def later() -> str:
    return "later"


@app.get("/open")
@public
def open_view() -> str:
    return "open"


@app.get("/open-too")
@public()
def open_too(number: int) -> str:
    return "open"


@app.get("/maybe")
@login_optional
def maybe() -> str:
    return "maybe"


@app.get("/maybe-too")
@login_optional()
def maybe_too(number: int) -> str:
    return "maybe"


@login_required
class Views(MethodView):
    @require_scope("a")
    def get(self, number: int) -> str:
        return str(number)


assert_type(plain(1), dict[str, int])
assert_type(called(), str)
assert_type(scoped("x", extra=b"y"), str)
assert_type(claimed("x"), str)
assert_type(open_view(), str)
assert_type(open_too(1), str)
assert_type(maybe(), str)
assert_type(maybe_too(1), str)
assert_type(Views(), Views)
assert_type(Views().get(1), str)


async def use_later() -> None:
    assert_type(await later(), str)


def log_in(name: str, password: str) -> Response:
    if password != "wonderland":
        raise NotAuthenticated("Wrong user name or password.")
    assert_type(create_token(name, ["a"], expires_in=60, claims={"team": "blue"}), str)
    assert_type(token_response(name, label=None), Response)
    assert_type(auth.create_ticket("/x", ["a"], expires_in=60), str)
    assert_type(auth.create_ticket("/x", expires_in=timedelta(minutes=1)), str)
    return token_response(name, scopes={"a"}, label="phone", expires_in=timedelta(minutes=1), audience=["x"])


def protect(blueprint: Blueprint) -> None:
    auth.protect(blueprint)
    auth.protect(blueprint, "a", any_of=("b", "c"))
    auth.check(app)


def take_back() -> None:
    auth.revoke_token()
    auth.revoke_token("t1", expires_at=datetime.now(UTC))
    auth.warm()


def without_flask(text: str) -> frozenset[str]:
    keys = KeySet([Key.generate("EdDSA")])
    verifier = Verifier(keys, ClaimsPolicy(issuer="i", audience=frozenset({"a"})))
    try:
        return assert_type(verifier.verify(text, now=0.0), Token).scopes
    except TokenError as error:
        assert_type(error.reason, str)
        return frozenset()


def ask_downstream() -> int:
    auth = ExchangeAuth("a", ["https://a.example"], scopes=("b",), expires_in=timedelta(minutes=1))
    other = HttpxExchangeAuth(["a", "b"], origins={"https://a.example"}, expires_in=60)
    return (
        requests.get("https://a.example", auth=auth).status_code
        + httpx.get("https://a.example", auth=other).status_code
    )
