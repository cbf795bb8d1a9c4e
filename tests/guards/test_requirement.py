"""The requirements of guards, and whether a token satisfies them."""

from datetime import timedelta

import pytest

from flask_tokenauth.core.errors import InsufficientClaim, InsufficientScope, LoginTooOld, MissingCredential
from flask_tokenauth.core.tokens.token import Token
from flask_tokenauth.guards.required_claim import RequiredClaim
from flask_tokenauth.guards.requirement import RequestFacts, Requirement

from ..conftest import NOW

LOGIN = Requirement()
READ = Requirement(all_of=("read",))


def make_facts(*scopes: str, now: float = NOW, auth_time: float | None = None, **view_args: str) -> RequestFacts:
    claims = {} if auth_time is None else {"auth_time": auth_time}
    token = Token(subject="alice", scopes=frozenset(scopes), claims=claims)
    return RequestFacts(token, dict[str, str | None](view_args).get, now, timedelta(seconds=10))


@pytest.mark.parametrize(
    ("requirement", "scopes"),
    [
        (LOGIN, []),
        (READ, ["read"]),
        (READ, ["read", "more"]),
        (Requirement(("a", "b")), ["b", "a"]),
        (Requirement((), ("a", "b")), ["b"]),
        (Requirement(("a",), ("b", "c")), ["a", "c"]),
    ],
)
def test_a_token_with_the_required_scopes_passes(requirement: Requirement, scopes: list[str]) -> None:
    requirement.check(make_facts(*scopes), {})


@pytest.mark.parametrize(
    ("requirement", "scopes", "needed"),
    [
        (READ, [], ("read",)),
        (READ, ["Read", "read:all", "rea"], ("read",)),
        (Requirement(("a", "b")), ["a"], ("a", "b")),
        (Requirement((), ("a", "b")), ["c"], ("a", "b")),
        (Requirement(("a",), ("b", "c")), ["b"], ("a",)),
        (Requirement(("a",), ("b", "c")), ["a"], ("b", "c")),
    ],
)
def test_the_error_names_the_missing_scopes(
    requirement: Requirement, scopes: list[str], needed: tuple[str, ...]
) -> None:
    with pytest.raises(InsufficientScope) as caught:
        requirement.check(make_facts(*scopes), {})

    assert caught.value.needed == needed
    assert (caught.value.all_of, caught.value.any_of) == (requirement.all_of, requirement.any_of)


@pytest.mark.parametrize("requirement", [LOGIN, READ])
def test_a_requirement_needs_a_token(requirement: Requirement) -> None:
    with pytest.raises(MissingCredential):
        requirement.check(RequestFacts(None, lambda name: None, NOW, timedelta(0)), {})


PROJECT = Requirement(all_of=("projects:{project_id}:write",))


def test_a_placeholder_stands_for_the_value_in_the_url() -> None:
    PROJECT.check(make_facts("projects:42:write", project_id="42"), {})

    with pytest.raises(InsufficientScope) as caught:
        PROJECT.check(make_facts("projects:42:write", project_id="43"), {})

    assert caught.value.needed == ("projects:43:write",)


@pytest.mark.parametrize(
    "value", [":", "42:write", "a/b", "*", " ", "", "42 admin", "é", "%3A", "{project_id}", "\n", '"']
)
def test_an_invalid_value_of_a_placeholder_is_refused_and_not_repeated(value: str) -> None:
    granted = f"projects:{value}:write", "projects:*:write", "projects::write", "projects:{project_id}:write"

    with pytest.raises(InsufficientScope) as caught:
        PROJECT.check(make_facts(*granted, project_id=value), {})

    assert caught.value.needed == ()


@pytest.mark.parametrize("value", ["42", "a", "A-Z", "a.b", "a_b", "a~b", "-1", "00000000-0000-0000-0000-000000000001"])
def test_a_value_may_have_the_unreserved_characters_of_urls(value: str) -> None:
    PROJECT.check(make_facts(f"projects:{value}:write", project_id=value), {})


def test_a_missing_argument_is_refused() -> None:
    with pytest.raises(InsufficientScope):
        PROJECT.check(make_facts("projects:{project_id}:write", "projects:None:write"), {})


def test_a_scope_grants_the_scopes_that_it_implies() -> None:
    granted_by = {
        "read": ("read", "admin"),
        "projects:{project_id}:write": ("projects:{project_id}:write", "projects:{project_id}:own"),
    }

    READ.check(make_facts("admin"), granted_by)
    PROJECT.check(make_facts("projects:42:own", project_id="42"), granted_by)
    with pytest.raises(InsufficientScope):
        PROJECT.check(make_facts("projects:42:own", project_id="43"), granted_by)
    with pytest.raises(InsufficientScope) as caught:
        READ.check(make_facts("other"), granted_by)
    assert caught.value.needed == ("read",)


@pytest.mark.parametrize("ago", [0, 299, 300, -5, -10])
def test_a_login_as_old_as_max_age_is_accepted(ago: float) -> None:
    Requirement(max_age=timedelta(minutes=5)).check(make_facts(auth_time=NOW - ago), {})


@pytest.mark.parametrize("ago", [300.001, 301, 10**6, -11, -(10**9)])
def test_a_login_older_than_max_age_or_in_the_future_is_refused(ago: float) -> None:
    """RFC 9470 section 3."""
    with pytest.raises(LoginTooOld) as caught:
        Requirement(max_age=timedelta(minutes=5)).check(make_facts(auth_time=NOW - ago), {})

    assert (caught.value.max_age, caught.value.is_dated) == (300, True)


def test_a_login_without_auth_time_is_too_old() -> None:
    with pytest.raises(LoginTooOld) as caught:
        Requirement(max_age=timedelta(days=1)).check(make_facts(), {})

    assert caught.value.is_dated is False


@pytest.mark.parametrize(
    ("claims", "is_missing"),
    [({}, True), ({"role": None}, True), ({"rol": "editor"}, True), ({"role": "reader"}, False), ({"role": ()}, False)],
)
def test_the_error_says_whether_the_claim_is_missing(claims: dict[str, object], is_missing: bool) -> None:  # noqa: FBT001  # a parameter
    requirement = Requirement(claim=RequiredClaim.of("role", ("editor",)))
    token = Token(subject="alice", scopes=frozenset(), claims=claims)

    with pytest.raises(InsufficientClaim) as caught:
        requirement.check(RequestFacts(token, lambda name: None, NOW, timedelta(0)), {})

    assert caught.value.is_missing is is_missing


@pytest.mark.parametrize(
    ("requirement", "text"),
    [
        (LOGIN, "login"),
        (Requirement(("a", "b")), "a and b"),
        (Requirement(("a",), ("b", "c")), "a and one of b, c"),
        (Requirement(max_age=timedelta(minutes=5)), "login within 300 s"),
        (Requirement(load_user=True), "a user who still exists"),
    ],
)
def test_a_requirement_is_shown_in_english(requirement: Requirement, text: str) -> None:
    assert str(requirement) == text


def test_a_requirement_that_admits_clients_says_so() -> None:
    admitting = READ._replace(admits_clients=True)

    assert str(admitting) == "read, or a client of TOKENAUTH_INTROSPECTION_CLIENTS"


def test_a_requirement_that_admits_clients_is_another_than_one_that_does_not() -> None:
    """A guard of its own on the same endpoint, with the same scope, still refuses clients."""
    assert READ._replace(admits_clients=True) != READ
