"""``auth.verify(text, audience=…)``: tokens for other applications."""

from typing import Any

import pytest

from flask_tokenauth import TokenAuth, TokenError

from ..conftest import AUDIENCE, ISSUER, NOW, MakeApp, Mint, StandingClock
from ..test_cost import CHECKS, Calls

OTHER = "https://other.example"
THIRD = "https://third.example"


def find_reason(auth: TokenAuth[Any], text: str, **options: Any) -> str | None:
    """Return the reason for which a token is refused, or None if it is accepted."""
    try:
        auth.verify(text, **options)
    except TokenError as error:
        return error.reason
    return None


@pytest.mark.parametrize("audience", [OTHER, [OTHER], (THIRD, OTHER), {OTHER}, frozenset({THIRD, OTHER})])
def test_the_token_must_be_for_one_of_the_audiences(make_app: MakeApp, mint: Mint, audience: Any) -> None:
    auth: TokenAuth[str] = TokenAuth()

    with make_app(auth=auth).app_context():
        assert auth.verify(mint(aud=OTHER), audience=audience).audience == {OTHER}
        assert auth.verify(mint(aud=["x", OTHER]), audience=audience).subject == "alice"
        assert find_reason(auth, mint(aud="x"), audience=audience) == "audience_wrong"
        assert find_reason(auth, mint(aud=...), audience=audience) == "claim_missing"


def test_the_audience_of_the_application_does_not_count_then(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()

    with make_app(auth=auth).app_context():
        assert find_reason(auth, mint(), audience=OTHER) == "audience_wrong"
        assert find_reason(auth, mint(aud=OTHER)) == "audience_wrong"
        assert find_reason(auth, mint(), audience=AUDIENCE) is None
        assert find_reason(auth, mint(), audience=None) is None


def test_a_token_that_was_verified_for_one_audience_is_refused_for_another(make_app: MakeApp, mint: Mint) -> None:
    """Verified tokens are remembered, and each audience has a memory of its own."""
    auth: TokenAuth[str] = TokenAuth()
    text = mint(aud=[OTHER, "x"])
    audiences: list[Any] = [OTHER, None, THIRD, [THIRD, OTHER], AUDIENCE, [AUDIENCE, THIRD], OTHER, None]

    with make_app(auth=auth).app_context():
        reasons = [find_reason(auth, text, audience=audience) for audience in audiences]

    wrong = "audience_wrong"
    assert reasons == [None, wrong, wrong, None, wrong, wrong, None, wrong]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": NOW - 60}, "token_expired"),
        ({"iss": "https://evil.example"}, "issuer_wrong"),
        ({"iat": NOW, "exp": NOW + 10**6}, "lifetime_too_long"),
        ({"cnf": {"jkt": "x"}}, "binding_unproven"),
        ({"typ": "JWT"}, "type_wrong"),
        ({"sub": "blocked"}, "token_rejected"),
    ],
)
def test_all_other_rules_are_those_of_verify(make_app: MakeApp, mint: Mint, changes: Any, reason: str) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.token_check(lambda token: token.subject != "blocked")

    with make_app(auth=auth).app_context():
        assert find_reason(auth, mint(aud=OTHER, **changes), audience=OTHER) == reason


def test_a_forged_or_malformed_token_is_refused(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()

    with make_app(auth=auth, TOKENAUTH_MAX_TOKEN_BYTES=1024).app_context():
        assert find_reason(auth, mint(aud=OTHER)[:-8] + "AAAAAAAA", audience=OTHER) == "signature_invalid"
        assert find_reason(auth, "x.y.z", audience=OTHER) == "token_malformed"
        assert find_reason(auth, "x" * 1025, audience=OTHER) == "token_too_large"


def test_a_token_that_is_no_user_id_is_refused(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth(user_id_type=int)

    with make_app(auth=auth).app_context():
        assert find_reason(auth, mint(aud=OTHER, sub="alice"), audience=OTHER) == "user_id_wrong"
        assert find_reason(auth, mint(aud=OTHER, sub="7"), audience=OTHER) is None


def test_a_revoked_token_is_refused_also_if_it_is_remembered(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://")
    text = mint(aud=OTHER)

    with app.app_context():
        assert find_reason(auth, text, audience=OTHER) is None
        auth.revoke_token("t1")
        assert find_reason(auth, text, audience=OTHER) == "token_revoked"


def test_a_remembered_token_expires(make_app: MakeApp, mint: Mint, clock: StandingClock) -> None:
    auth: TokenAuth[str] = TokenAuth()
    text = mint(aud=OTHER)

    with make_app(auth=auth).app_context():
        assert find_reason(auth, text, audience=OTHER) is None
        clock.now = NOW + 3600
        assert find_reason(auth, text, audience=OTHER) == "token_expired"


def test_a_token_is_verified_once_for_each_of_many_audiences(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()
    text = mint(aud=OTHER)

    with make_app(auth=auth).app_context():
        auth.verify(text, audience=OTHER)
        with Calls() as calls:
            auth.verify(text, audience=[OTHER])

    assert calls.of(CHECKS | {"Verifier.__init__", "ClaimsPolicy.__post_init__"}) == 0


def test_many_audiences_do_not_fill_the_memory(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()
    app = make_app(auth=auth)
    authenticator = app.extensions["tokenauth"].authenticator

    with app.app_context():
        for number in range(100):
            assert find_reason(auth, mint(aud=f"{number}"), audience=f"{number}") is None
            assert find_reason(auth, mint(aud=f"{number}"), audience=f"{number + 1}") == "audience_wrong"

    assert authenticator._verifier_for.cache_info().currsize <= 8


@pytest.mark.parametrize(
    ("audience", "kind", "message"),
    [
        (1, TypeError, "audience must be one string or several, got int"),
        ([1], TypeError, "audience must be one string or several, got int among them"),
        ([], ValueError, "audience must have at least one string, and none that is empty"),
        ("", ValueError, "audience must have at least one string, and none that is empty"),
        ([OTHER, ""], ValueError, "audience must have at least one string, and none that is empty"),
    ],
)
def test_a_wrong_audience_argument_is_an_error(
    make_app: MakeApp, mint: Mint, audience: Any, kind: type[Exception], message: str
) -> None:
    auth: TokenAuth[str] = TokenAuth()

    with make_app(auth=auth).app_context(), pytest.raises(kind) as caught:
        auth.verify(mint(aud=""), audience=audience)

    assert str(caught.value) == message


def test_the_issuer_is_no_audience(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()

    with make_app(auth=auth).app_context():
        assert find_reason(auth, mint(aud=OTHER), audience=ISSUER) == "audience_wrong"
