"""A fast path through the claims policy: one typed conversion accepts the claims that nearly all tokens have.

It has no rule of its own. It accepts only claims that the policy accepts too, and it names no mistake: the policy
itself checks all other claims, and the times of all. Without this module everything would work in the same way, but
more slowly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from ..encoding.limits import MAX_IDENTIFIER, YEAR_9999
from .scopes import parse_scope

_Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_IDENTIFIER)]
_Time = Annotated[int, msgspec.Meta(ge=0, le=YEAR_9999)]


class _UsualClaims(msgspec.Struct, frozen=True):
    """The claims that the policy checks, in their usual forms. Other claims are ignored."""

    iss: str
    sub: _Identifier
    aud: str | tuple[str, ...]
    exp: _Time
    iat: _Time
    jti: _Identifier
    nbf: _Time = 0
    auth_time: _Time = 0
    sid: _Identifier = "-"
    epoch: Annotated[int, msgspec.Meta(ge=0)] = 0
    client_id: _Identifier = "-"
    scope: str = ""
    cnf: msgspec.UnsetType = msgspec.UNSET  # no value is accepted
    act: msgspec.UnsetType = msgspec.UNSET  # the policy itself checks tokens of delegates, which are few
    parent: msgspec.UnsetType = msgspec.UNSET


REQUIRED = frozenset({"iss", "sub", "aud", "exp", "iat", "jti"})  # the claims without a default


@dataclass(frozen=True, slots=True)
class FastPath:
    """The fast path of one policy, which requires no other claims than ``REQUIRED``."""

    issuer: str
    audience: frozenset[str]
    typ: str | None

    def accepts(self, claims: Mapping[str, object], typ: str | None) -> bool:
        """Return True if the policy accepts *claims* at some time. False means nothing: the policy must check them.

        The forms of the times are checked, but not the times themselves: the policy does that in each case.

        Args:
            claims: the claims as ``read_claims`` returns them, untrusted.
            typ: ``typ`` of the header, or None if the header has none.
        """
        try:
            usual = msgspec.convert(claims, _UsualClaims)
            parse_scope(usual.scope)
        except (msgspec.ValidationError, ValueError):  # the first is a ValueError in newer msgspec only
            return False
        audience = claims["aud"]
        names = (audience,) if type(audience) is str else audience
        return (
            type(names) is tuple  # a list is not frozen, so the policy refuses it
            and typ == self.typ
            and usual.iss == self.issuer
            and not self.audience.isdisjoint(names)
            and usual.sub.isprintable()
            and usual.jti.isprintable()
            and usual.sid.isprintable()
            and usual.client_id.isprintable()
        )
