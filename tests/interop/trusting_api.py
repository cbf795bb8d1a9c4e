"""An application that trusts one issuer."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask, g

from flask_tokenauth import TokenAuth, login_required, token_refused
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.trusted_issuers.remote_keys import RemoteKeys

from ..conftest import CONFIG, StandingClock, bearer


class TrustingApi:
    """An application that trusts one issuer.

    Args:
        encryption_keys: as in ``TOKENAUTH_ENCRYPTION_KEYS``.
        **entry: the issuer, as in ``TOKENAUTH_TRUSTED_ISSUERS``.

    Attributes:
        clock: of its keys. Tests set it.
    """

    def __init__(self, *, encryption_keys: Sequence[Mapping[str, object]] = (), **entry: Any) -> None:
        self.clock = StandingClock(0)
        self._app = Flask("api")
        self._app.config.update(CONFIG, TOKENAUTH_TRUSTED_ISSUERS=[entry])
        if encryption_keys:
            self._app.config["TOKENAUTH_ENCRYPTION_KEYS"] = list(encryption_keys)
        TokenAuth(self._app)
        self._app.add_url_rule("/me", view_func=login_required(describe_caller))
        [rules] = state_of(self._app).trust.list_rules()
        assert isinstance(rules.keys, RemoteKeys)
        rules.keys._monotonic = self.clock
        self._reasons: list[str] = []
        token_refused.connect(self._keep_reason, sender=self._app)

    def _keep_reason(self, sender: Flask, *, reason: str, **_: object) -> None:
        self._reasons.append(reason)

    def ask(self, token: str) -> dict[str, Any] | str:
        """Return the facts of an accepted token, or the reason for which it is refused."""
        answer = self._app.test_client().get("/me", headers=bearer(token))
        assert answer.status_code == (401 if self._reasons else 200)
        return self._reasons.pop() if self._reasons else answer.json or {}


def describe_caller() -> dict[str, Any]:
    return {"user": g.user_id, "scopes": sorted(g.scopes), "issuer": g.token.issuer}
