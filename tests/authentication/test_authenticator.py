"""The result of the authentication of one request."""

import pytest

from flask_tokenauth.application.app_state import state_of

from ..conftest import MakeApp, Mint, bearer


@pytest.mark.parametrize(
    ("header", "shown"),
    [(None, "anonymous"), ("Bearer x.y.z", "refused"), ("good", "accepted")],
    ids=["no token", "bad token", "good token"],
)
def test_its_repr_does_not_show_the_user(make_app: MakeApp, mint: Mint, header: str | None, shown: str) -> None:
    """Tools that find errors write objects of a request into logs."""
    app = make_app()
    headers = bearer(mint()) if header == "good" else {"Authorization": header} if header else {}

    with app.test_request_context(headers=headers) as context:
        authentication = state_of(app).authenticator.authenticate(context.request)

    assert repr(authentication) == f"<Authentication {shown}>"
