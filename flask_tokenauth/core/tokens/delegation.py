"""Delegation: a token that a service uses for a user, and the token that it was made from (RFC 8693 section 4.1)."""

from collections.abc import Mapping
from typing import NamedTuple

from ..encoding.limits import MAX_IDENTIFIER, YEAR_9999, is_identifier, is_time

ACT = "act"  # the service that uses the token, an object with "sub"
MAY_ACT = "may_act"  # a service that may get such a token, RFC 8693 section 4.4; it decides nothing here
PARENT = "parent"  # the token that it was made from, an object with "jti" and "exp"; a claim of this package
DELEGATED = frozenset({ACT, PARENT})  # a token with one of them was made from another one


class Delegation(NamedTuple):
    """The facts that make a token one of a delegate."""

    actor: str  # "act": {"sub": …}, the service that uses the token
    parent_id: str  # "jti" of the token that it is made from
    parent_expires_at: float  # "exp" of that token, in seconds since 1970-01-01T00:00:00Z

    def to_claims(self) -> dict[str, object]:
        """Return the claims of the new token."""
        return {ACT: {"sub": self.actor}, PARENT: {"jti": self.parent_id, "exp": self.parent_expires_at}}


ACT_FORM = f"an object with sub, a string of 1 to {MAX_IDENTIFIER} characters without control characters"
PARENT_FORM = f"an object with jti, an identifier, and exp, a number from 0 to {YEAR_9999}"


def is_act(value: object) -> bool:
    """Return whether *value* is the claim ``act`` as we write it. It may have further members."""
    return isinstance(value, Mapping) and is_identifier(value.get("sub"))


def is_parent(value: object) -> bool:
    """Return whether *value* is the claim ``parent`` as we write it: it says which revocations are looked for."""
    return isinstance(value, Mapping) and is_identifier(value.get("jti")) and is_time(value.get("exp"))


def find_actor(claims: Mapping[str, object]) -> str | None:
    """Return ``sub`` of ``act``, or None if the claims have none, or have another form.

    Args:
        claims: of a verified token of any issuer.
    """
    act = claims.get(ACT)
    return act["sub"] if isinstance(act, Mapping) and is_act(act) else None
