"""Nothing that an application shows or logs has the API key."""

from typing import Any

from flask import Flask, g

from flask_tokenauth import login_required, require_scope
from flask_tokenauth.authentication.contexts import current_request

from ...leaks import find_leak
from .kit import each_carrier


@each_carrier
def test_no_log_line_exception_or_repr_shows_an_api_key(app: Flask, key: str, carry: Any) -> None:
    seen: list[str] = []
    app.debug = True
    app.add_url_rule("/plain", "plain", login_required(lambda: "open"))
    app.add_url_rule("/admin", "admin", require_scope("admin")(lambda: "open"))

    @app.after_request
    def look(response: Any) -> Any:
        authentication = app.extensions["tokenauth"].authenticator.authenticate(current_request())
        seen.extend([repr(authentication), repr(authentication.api_key), repr(g.token), str(vars(g))])
        return response

    for path in ("/x", "/plain", "/admin", "/open", "/nowhere"):
        answer = app.test_client().get(path, headers=carry(key))
        seen.extend([answer.text, str(answer.headers)])

    assert len(seen) == 30
    assert [text for text in seen if key in text or find_leak(text)] == []
