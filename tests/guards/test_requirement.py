"""What a guard asks of a request, and whether a token has it."""

from datetime import timedelta

import pytest

from flask_tokenauth.core.errors import InsufficientScope, LoginTooOld, MissingCredential
from flask_tokenauth.core.tokens.token import Token
from flask_tokenauth.guards.requirement import RequestFacts, Requirement

from ..conftest import NOW

LOGIN = Requirement()
READ = Requirement(all_of=("read",))


def asked(*scopes: str, now: float = NOW, auth_time: float | None = None, **view_args: str) -> RequestFacts:
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
def test_a_token_that_has_what_is_required_passes(requirement: Requirement, scopes: list[str]) -> None:
    requirement.check(asked(*scopes), {})


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
def test_a_token_that_lacks_a_scope_is_told_which(
    requirement: Requirement, scopes: list[str], needed: tuple[str, ...]
) -> None:
    with pytest.raises(InsufficientScope) as caught:
        requirement.check(asked(*scopes), {})

    assert caught.value.needed == needed


@pytest.mark.parametrize("requirement", [LOGIN, READ])
def test_without_a_token_nobody_passes(requirement: Requirement) -> None:
    with pytest.raises(MissingCredential):
        requirement.check(RequestFacts(None, lambda name: None, NOW, timedelta(0)), {})


PROJECT = Requirement(all_of=("projects:{project_id}:write",))


def test_a_placeholder_stands_for_what_the_url_matched() -> None:
    PROJECT.check(asked("projects:42:write", project_id="42"), {})

    with pytest.raises(InsufficientScope) as caught:
        PROJECT.check(asked("projects:42:write", project_id="43"), {})

    assert caught.value.needed == ("projects:43:write",)


@pytest.mark.parametrize(
    "value", [":", "42:write", "a/b", "*", " ", "", "42 admin", "é", "%3A", "{project_id}", "\n", '"']
)
def test_a_value_that_no_segment_can_be_is_refused_and_not_repeated(value: str) -> None:
    granted = f"projects:{value}:write", "projects:*:write", "projects::write", "projects:{project_id}:write"

    with pytest.raises(InsufficientScope) as caught:
        PROJECT.check(asked(*granted, project_id=value), {})

    assert caught.value.needed == ()


@pytest.mark.parametrize("value", ["42", "a", "A-Z", "a.b", "a_b", "a~b", "-1", "00000000-0000-0000-0000-000000000001"])
def test_a_value_may_hold_what_urls_leave_unescaped(value: str) -> None:
    PROJECT.check(asked(f"projects:{value}:write", project_id=value), {})


def test_an_argument_that_is_not_there_is_no_scope() -> None:
    with pytest.raises(InsufficientScope):
        PROJECT.check(asked("projects:{project_id}:write", "projects:None:write"), {})


def test_a_declared_scope_may_be_had_by_one_that_implies_it() -> None:
    enough = {
        "read": ("read", "admin"),
        "projects:{project_id}:write": ("projects:{project_id}:write", "projects:{project_id}:own"),
    }

    READ.check(asked("admin"), enough)
    PROJECT.check(asked("projects:42:own", project_id="42"), enough)
    with pytest.raises(InsufficientScope):
        PROJECT.check(asked("projects:42:own", project_id="43"), enough)
    with pytest.raises(InsufficientScope) as caught:
        READ.check(asked("other"), enough)
    assert caught.value.needed == ("read",)


@pytest.mark.parametrize("ago", [0, 299, 300, -5, -10])
def test_a_login_of_the_greatest_age_is_recent_enough(ago: float) -> None:
    Requirement(max_age=timedelta(minutes=5)).check(asked(auth_time=NOW - ago), {})


@pytest.mark.parametrize("ago", [300.001, 301, 10**6, -11, -(10**9)])
def test_an_older_login_is_too_old_and_one_that_lies_ahead_is_none(ago: float) -> None:
    """RFC 9470 section 3."""
    with pytest.raises(LoginTooOld) as caught:
        Requirement(max_age=timedelta(minutes=5)).check(asked(auth_time=NOW - ago), {})

    assert caught.value.max_age == 300


def test_a_login_that_nobody_knows_the_time_of_is_too_old() -> None:
    with pytest.raises(LoginTooOld):
        Requirement(max_age=timedelta(days=1)).check(asked(), {})


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
def test_a_requirement_reads_as_people_say_it(requirement: Requirement, text: str) -> None:
    assert str(requirement) == text
