"""Verified tokens of trusted issuers."""

from ..tokens.token import Token


class TrustedToken(Token, frozen=True, kw_only=True):
    """A verified token of a trusted issuer. Its scopes are ours, as ``scopes`` of the ``TrustedIssuer`` says."""

    has_user: bool = True  # False: an application acts for itself, without a user

    @property
    def session_id(self) -> None:
        """None: a session of another issuer (``sid``) is no session here."""
        return None

    @property
    def epoch(self) -> int:
        """0: an epoch of another issuer means nothing here."""
        return 0

    def _find_string(self, name: str) -> str | None:
        found = self.claims.get(name)
        return found if isinstance(found, str) else None
