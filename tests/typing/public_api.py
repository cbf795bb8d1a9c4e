"""The public API as users write it: checked by type checkers, never run."""

from dataclasses import dataclass
from datetime import timedelta
from typing import assert_type
from uuid import UUID

from flask import Blueprint, Flask, Response
from flask.views import MethodView

from flask_tokenauth import (
    NotAuthenticated,
    Token,
    TokenAuth,
    create_token,
    get_token,
    login_optional,
    login_required,
    public,
    require_scope,
    token_response,
)
from flask_tokenauth.core import ClaimsPolicy, Key, KeySet, TokenError, Verifier

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
assert_type(auth.verify("text"), Token)


@auth.token_check
def is_long(token: Token) -> bool:
    return len(token.subject) > 3


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


@app.get("/later")
@require_scope("a")
async def later() -> str:
    return "later"


@app.get("/open")
@public
def open_view() -> str:
    return "open"


@app.get("/maybe")
@login_optional
def maybe() -> str:
    return "maybe"


@login_required
class Views(MethodView):
    @require_scope("a")
    def get(self, number: int) -> str:
        return str(number)


assert_type(plain(1), dict[str, int])
assert_type(called(), str)
assert_type(scoped("x", extra=b"y"), str)
assert_type(open_view(), str)
assert_type(maybe(), str)
assert_type(Views(), Views)
assert_type(Views().get(1), str)


async def use_later() -> None:
    assert_type(await later(), str)


def log_in(name: str, password: str) -> Response:
    if password != "wonderland":
        raise NotAuthenticated("Wrong user name or password.")
    assert_type(create_token(name, ["a"], expires_in=60, claims={"team": "blue"}), str)
    return token_response(name, scopes={"a"}, expires_in=timedelta(minutes=1), audience=["x"])


def protect(blueprint: Blueprint) -> None:
    auth.protect(blueprint)
    auth.protect(blueprint, "a", any_of=("b", "c"))
    auth.check(app)


def without_flask(text: str) -> frozenset[str]:
    keys = KeySet([Key.generate("EdDSA")])
    verifier = Verifier(keys, ClaimsPolicy(issuer="i", audience=frozenset({"a"})))
    try:
        return assert_type(verifier.verify(text, now=0.0), Token).scopes
    except TokenError as error:
        assert_type(error.reason, str)
        return frozenset()
