"""Epochs: ``revoke_user`` refuses the user's earlier tokens, and no later ones."""

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import create_token

from .conftest import MakeSessionApp
from .devices import me
from .kit import DAY, claims_of, pass_interval, refresh, refreshed, sessions_of, sign_in, store_of

RETENTION = timedelta(days=2)


def test_tokens_carry_the_epoch_of_their_user(app: Flask) -> None:
    with app.app_context():
        assert "epoch" not in claims_of(create_token("alice"))
        epoch = store_of(app).revoke_user("alice", retention=RETENTION, api_keys=False)

        assert claims_of(create_token("alice"))["epoch"] == epoch
        assert "epoch" not in claims_of(create_token("bob"))

    login = sign_in(app)
    assert claims_of(login["access_token"])["epoch"] == epoch
    assert claims_of(refreshed(app, login["refresh_token"])["access_token"])["epoch"] == epoch


def test_tokens_from_before_a_revocation_are_refused_and_later_ones_are_good(app: Flask) -> None:
    """All of this happens in one moment of the store's clock; the clocks of workers do not matter."""
    with app.app_context():
        bare, other = create_token("alice"), create_token("bob")
    login = sign_in(app)
    before = [bare, login["access_token"]]
    assert [me(app, token) for token in (*before, other)] == [200, 200, 200]

    store_of(app).revoke_user("alice", retention=RETENTION, api_keys=False)
    pass_interval(app)

    assert [me(app, token) for token in (*before, other)] == [401, 401, 200]
    assert refresh(app, login["refresh_token"]).status_code == 400
    with app.app_context():
        assert me(app, create_token("alice")) == 200
    again = sign_in(app)
    assert me(app, again["access_token"]) == 200
    assert refresh(app, again["refresh_token"]).status_code == 200


def test_a_second_revocation_refuses_the_tokens_since_the_first(app: Flask) -> None:
    store = store_of(app)
    store.revoke_user("alice", retention=RETENTION, api_keys=False)
    login = sign_in(app)
    assert me(app, login["access_token"]) == 200

    store.revoke_user("alice", retention=RETENTION, api_keys=False)
    pass_interval(app)

    assert me(app, login["access_token"]) == 401
    assert me(app, sign_in(app)["access_token"]) == 200


def test_a_revocation_just_before_the_session_starts_counts(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    store: Any = store_of(app)
    start = store.start_session

    def revoke_first(new: Any, **options: Any) -> Any:
        store.revoke_user(new.user_id, retention=RETENTION, api_keys=False)
        return start(new, **options)

    with monkeypatch.context() as patch:
        patch.setattr(store, "start_session", revoke_first)
        login = sign_in(app)

    assert me(app, login["access_token"]) == 200


@pytest.mark.parametrize(("spare", "begun"), [(1, 1), (0, 1), (-1, 0), (-20, 0)])
def test_a_token_that_is_too_long_with_its_epoch_starts_no_session(
    make_session_app: MakeSessionApp, spare: int, begun: int
) -> None:
    """An epoch takes 30 characters."""
    claims, roomy = {"filler": "x" * 2000}, make_session_app()
    store_of(roomy).revoke_user("alice", retention=RETENTION, api_keys=False)
    length = len(sign_in(roomy, claims=claims)["access_token"])
    app = make_session_app(TOKENAUTH_MAX_TOKEN_BYTES=length + spare)

    with nullcontext() if begun else pytest.raises(ValueError, match="bytes long"):
        sign_in(app, claims=claims)

    assert len(sessions_of(app)) == 1 + begun


def test_two_applications_with_one_secret_and_one_store_accept_the_same_tokens(
    make_session_app: MakeSessionApp,
) -> None:
    one = make_session_app()
    other = make_session_app(TOKENAUTH_STORE=store_of(one))
    login = sign_in(one)

    assert me(other, login["access_token"]) == 200
    second = refreshed(other, login["refresh_token"])
    assert refresh(one, second["refresh_token"]).status_code == 200
    store_of(one).revoke_user("alice", retention=DAY, api_keys=False)
    pass_interval(other)
    assert me(other, login["access_token"]) == 401
