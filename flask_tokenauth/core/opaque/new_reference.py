"""Issue reference tokens: the store keeps what a JWT would say."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ..encoding.digests import digest_of, id_of
from ..encoding.prefixes import REFERENCE_PREFIX
from ..records.reference_token import ReferenceToken
from ..records.revocation import LAST, retention_of
from ..store import Store
from .checksummed_text import make_text


class NewReferenceToken:
    """A new reference token, which is good when it was stored.

    Args:
        store: keeps it.
        leeway: the longest by which the clocks of the servers that accept it may differ.

    Attributes:
        text: for the client.
        token_id: ``jti``.
    """

    def __init__(self, store: Store, *, leeway: timedelta) -> None:
        self._store = store
        self._leeway = leeway
        self.text = make_text(REFERENCE_PREFIX)
        self._digest = digest_of(self.text)
        self.token_id = id_of(self._digest)

    def __repr__(self) -> str:
        return f"<NewReferenceToken {self.token_id}>"

    def keep(self, claims: Mapping[str, Any], payload: bytes) -> None:
        """Store the token until no server accepts it any more.

        Args:
            claims: its claims set, as the policy has checked it.
            payload: the claims set as JSON.

        Raises:
            StoreUnavailable: the store cannot be asked.
        """
        until = math.ceil((claims["exp"] + retention_of(timedelta(0), self._leeway).total_seconds()) * 1000)
        self._store.add_reference_token(
            ReferenceToken(
                digest=self._digest,
                user_id=claims["sub"],
                epoch=claims.get("epoch", 0),
                claims=payload.decode(),
                expires_at=min(until, LAST),
            )
        )
