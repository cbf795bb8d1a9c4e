"""Users whose IDs look alike are different users: one cannot see or end the sessions of another."""

from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token
from flask_tokenauth.testing.store_contract.identifiers import ALIKE

from .devices import NOT_FOUND, end_device, id_of, list_session_ids, me
from .kit import refresh, sign_in

alike = pytest.mark.parametrize(("one", "other"), ALIKE, ids=lambda user_id: f"{user_id[:8]!r}{len(user_id)}")


@alike
def test_users_with_similar_ids_see_and_end_only_their_own_sessions(app: Flask, one: str, other: str) -> None:
    mine, theirs = sign_in(app, one), sign_in(app, other)

    assert list_session_ids(app, mine["access_token"]) == [id_of(mine)]
    assert list_session_ids(app, theirs["access_token"]) == [id_of(theirs)]
    assert end_device(app, mine["access_token"], id_of(theirs)).get_json() == NOT_FOUND
    assert me(app, theirs["access_token"]) == 200


@alike
def test_revoking_a_user_does_not_revoke_a_user_with_a_similar_id(
    app: Flask, auth: TokenAuth[Any], one: str, other: str
) -> None:
    with app.app_context():
        mine, theirs = (sign_in(app, one), create_token(one)), (sign_in(app, other), create_token(other))

        auth.revoke_user(one, api_keys=True)

    assert [me(app, mine[0]["access_token"]), me(app, mine[1])] == [401, 401]
    assert [me(app, theirs[0]["access_token"]), me(app, theirs[1])] == [200, 200]
    assert refresh(app, mine[0]["refresh_token"]).status_code == 400
    assert refresh(app, theirs[0]["refresh_token"]).status_code == 200
