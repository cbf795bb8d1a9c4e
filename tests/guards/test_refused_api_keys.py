"""An API key is refused by the guard of the route that accepts none, whichever guard decides first."""

from typing import Any

import pytest

from flask_tokenauth import TokenAuth, login_required, require_claim, require_scope

from ..conftest import MakeApp, bearer

SCOPE = require_scope("reports:read")


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("guard", "status", "error"),
    [
        (login_required(max_age=300), 401, "insufficient_user_authentication"),
        (login_required(accept=["jwt"]), 403, "insufficient_scope"),
        (require_claim("team", "blue", accept=["jwt", "reference"]), 403, "insufficient_scope"),
    ],
)
def test_the_guard_that_accepts_no_api_keys_refuses(
    make_app: MakeApp, guard: Any, order: int, status: int, error: str
) -> None:
    auth, reasons = TokenAuth(), {401: "login_too_old", 403: "kind_not_accepted"}
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://", TOKENAUTH_API_KEYS=True)
    outer, inner = [guard, SCOPE][::order]
    app.add_url_rule("/view", view_func=outer(inner(lambda: "served")), endpoint="view")
    seen: list[str] = []

    @app.errorhandler(status)
    def see(refusal: Any) -> Any:
        seen.append(refusal.reason)
        return refusal.response

    with app.app_context():
        key = auth.create_api_key("alice", ["reports:read"], name="ci")
    answer = app.test_client().get("/view", headers=bearer(key.text))

    assert (answer.status_code, answer.get_json()["error"], seen) == (status, error, [reasons[status]])
