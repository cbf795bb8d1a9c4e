"""Tickets: tokens for one path and a short time, which stand in URLs.

They are signed by the same keys as access tokens, and have a type of their own (RFC 8725 section 3.11), so that none of
the two is taken for the other.
"""

from dataclasses import replace
from datetime import timedelta

from .claims import TICKET_PATH, ClaimsPolicy
from .ticket_paths import decode_path
from .token import Token, TokenKind

TICKET_TYPE = "ticket+jwt"  # "typ"
SHORTEST_TICKET = timedelta(seconds=1)
LONGEST_TICKET = timedelta(hours=1)


class TicketToken(Token, frozen=True, kw_only=True):
    """A verified ticket. It has the claims of the access token that it was made with, and the path that it opens."""

    @classmethod
    def of(cls, token: Token) -> "TicketToken":
        """Return the ticket in a token that the policy of tickets has accepted."""
        return cls(subject=token.subject, scopes=token.scopes, claims=token.claims)

    @property
    def kind(self) -> TokenKind:
        """Always "ticket"."""
        return "ticket"

    @property
    def path(self) -> str:
        """``ticket_path``, the path that it opens, percent-encoded."""
        return str(self.claims[TICKET_PATH])

    def opens(self, path: bytes) -> bool:
        """Return whether it opens a path.

        Args:
            path: of a request, not percent-encoded any more; untrusted.
        """
        return decode_path(self.path) == path


def ticket_policy(policy: ClaimsPolicy) -> ClaimsPolicy:
    """Return the policy for tickets: that for access tokens, with another type, a path, and a shorter lifetime.

    Args:
        policy: for the access tokens of the same issuer.
    """
    longest = LONGEST_TICKET if policy.max_lifetime is None else min(policy.max_lifetime, LONGEST_TICKET)
    return replace(policy, typ=TICKET_TYPE, required=policy.required | {TICKET_PATH}, max_lifetime=longest)
