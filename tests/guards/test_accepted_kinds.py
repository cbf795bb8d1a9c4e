"""The kinds that a guard accepts, as they are written; mistakes are errors at import."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from flask import Blueprint

from flask_tokenauth import TokenAuth, login_optional, login_required, require_claim, require_scope
from flask_tokenauth.core.errors import ApiKeyNotAccepted, Refusal
from flask_tokenauth.core.token_errors import KindNotAccepted
from flask_tokenauth.core.tokens.token import Token, TokenKind
from flask_tokenauth.guards.accepted_kinds import ANY_KIND, AcceptedKinds

from .kinds_kit import KINDS

Take = Callable[..., object]
ALL = (*KINDS, "ticket")
ADVICE = 'accept must be some of jwt, reference, api_key, ticket: accept=("jwt", "reference")'


class OfKind(Token, frozen=True, kw_only=True):
    """A token of any kind."""

    is_of: TokenKind

    @property
    def kind(self) -> TokenKind:
        return self.is_of


def find_refusal(kinds: AcceptedKinds, kind: TokenKind, *, has_scopes: bool = False) -> type[Refusal] | None:
    token = OfKind(subject="alice", scopes=frozenset(), claims=MappingProxyType({}), is_of=kind)
    try:
        kinds.check(token, has_scopes=has_scopes)
    except Refusal as refusal:
        return type(refusal)
    return None


@pytest.mark.parametrize(
    ("kinds", "refused", "refused_with_scopes"),
    [
        (ANY_KIND, {"api_key": ApiKeyNotAccepted, "ticket": KindNotAccepted}, {"ticket": KindNotAccepted}),
        (AcceptedKinds.of(None, api_keys=True), *[{"ticket": KindNotAccepted}] * 2),
        (AcceptedKinds.of(["jwt"]), *[dict.fromkeys(("reference", "api_key", "ticket"), KindNotAccepted)] * 2),
        (AcceptedKinds.of({"api_key"}), *[dict.fromkeys(("jwt", "reference", "ticket"), KindNotAccepted)] * 2),
        (AcceptedKinds.of(["ticket"]), *[dict.fromkeys(KINDS, KindNotAccepted)] * 2),
        (AcceptedKinds.of(KINDS), *[{"ticket": KindNotAccepted}] * 2),
        (AcceptedKinds.of(ALL), {}, {}),
        (
            AcceptedKinds.of(iter(["api_key", "jwt"]), api_keys=True),
            *[dict.fromkeys(("reference", "ticket"), KindNotAccepted)] * 2,
        ),
    ],
)
def test_a_token_of_another_kind_is_refused(kinds: AcceptedKinds, refused: Any, refused_with_scopes: Any) -> None:
    for has_scopes, expected in ((False, refused), (True, refused_with_scopes)):
        outcomes = {kind: find_refusal(kinds, kind, has_scopes=has_scopes) for kind in ALL}

        assert {kind: refusal for kind, refusal in outcomes.items() if refusal is not None} == expected


@pytest.mark.parametrize(
    ("kinds", "written"),
    [
        (ANY_KIND, ""),
        (AcceptedKinds.of(None, api_keys=True), "API keys too"),
        (AcceptedKinds.of(["reference"]), "only reference"),
        (AcceptedKinds.of(["api_key", "jwt", "jwt"]), "only jwt, api_key"),
    ],
)
def test_the_kinds_are_written_in_one_order(kinds: AcceptedKinds, written: str) -> None:
    assert str(kinds) == written


@pytest.mark.parametrize(("kinds", "excludes"), [(ANY_KIND, False), (AcceptedKinds.of(["jwt"]), True)])
def test_a_guard_excludes_api_keys_if_it_names_its_kinds_without_them(kinds: AcceptedKinds, *, excludes: bool) -> None:
    assert kinds.excludes_api_keys is excludes


def test_the_refusal_of_a_kind_names_the_kinds_that_are_accepted() -> None:
    refusal = AcceptedKinds.of(("jwt", "reference")).refuse_api_key()

    assert isinstance(refusal, KindNotAccepted)
    assert (refusal.kind, refusal.accepted) == ("api_key", ("jwt", "reference"))
    assert str(refusal) == "the token must be of a kind that accept names (jwt, reference), got api_key"


def protect(**options: Any) -> None:
    TokenAuth().protect(Blueprint("b", __name__), **options)


TAKING: dict[str, Take] = {
    "login_required": login_required,
    "require_scope": lambda **options: require_scope("a", **options),
    "require_claim": lambda **options: require_claim("role", "x", **options),
    "login_optional": login_optional,
    "protect": protect,
}
each_taking = pytest.mark.parametrize("take", TAKING.values(), ids=TAKING)
taking_api_keys = pytest.mark.parametrize("take", [login_required, login_optional, protect])


@each_taking
@pytest.mark.parametrize(("value", "got"), [("jwt", "str"), (5, "int"), (True, "bool"), (b"jwt", "another value")])
def test_kinds_that_are_no_list_of_strings_are_an_error(take: Take, value: Any, got: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        take(accept=value)

    assert str(caught.value).startswith(f"{ADVICE}, got {got}")


@each_taking
@pytest.mark.parametrize(
    ("value", "got"),
    [
        ((), "none"),
        (frozenset(), "none"),
        (["JWT"], "another value among them"),
        (["jwt", "session"], "another value among them"),
        ([None], "another value among them"),
        ([["jwt"]], "another value among them"),
    ],
)
def test_a_list_that_is_empty_or_has_another_kind_is_an_error(take: Take, value: Any, got: str) -> None:
    """A list that came out empty must not allow more."""
    with pytest.raises(ValueError, match=r"^accept must be some of") as caught:
        take(accept=value)

    assert str(caught.value) == f"{ADVICE}, got {got}"


@taking_api_keys
@pytest.mark.parametrize("value", [None, 1, "yes", "False"])
def test_api_keys_must_be_a_boolean(take: Take, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"^api_keys must be True or False, got {type(value).__name__}$"):
        take(api_keys=value)


@taking_api_keys
def test_api_keys_that_are_not_among_the_kinds_are_a_contradiction(take: Take) -> None:
    with pytest.raises(ValueError, match=r'^accept must name "api_key" if api_keys=True is given as well'):
        take(api_keys=True, accept=["jwt"])


@pytest.mark.parametrize("options", [{"api_keys": True}, {"accept": ("jwt", "api_key")}])
def test_a_recent_login_and_api_keys_are_a_contradiction(options: Any) -> None:
    with pytest.raises(ValueError, match=r"^max_age must not be given if API keys pass: nobody signs in with them"):
        login_required(max_age=60, **options)


def test_a_scope_that_protects_a_blueprint_may_come_with_api_keys() -> None:
    protect(api_keys=True)
    protect(any_of=["a"], api_keys=True)


def test_a_recent_login_and_tickets_are_a_contradiction() -> None:
    with pytest.raises(ValueError, match=r"^max_age must not be given if tickets pass: a link can be opened long"):
        login_required(max_age=60, accept=("jwt", "ticket"))


@pytest.mark.parametrize(
    ("kinds", "accepts"),
    [
        (ANY_KIND, False),
        (AcceptedKinds.of(None, api_keys=True), False),
        (AcceptedKinds.of(KINDS), False),
        (AcceptedKinds.of(["ticket"]), True),
        (AcceptedKinds.of(ALL), True),
    ],
)
def test_a_guard_accepts_tickets_only_if_it_names_them(kinds: AcceptedKinds, *, accepts: bool) -> None:
    assert kinds.accepts_tickets is accepts
