"""The trusted issuers of one application: a token is judged by the rules of the issuer that it names."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from ..claim_errors import WrongIssuer
from ..tokens import jws
from ..tokens.token import Token
from .rules import IssuerRules, TrustedFacts

FindTenant = Callable[[str], IssuerRules | None]


class TrustedIssuers:
    """Verifies the tokens of other issuers.

    The issuer is chosen by ``iss`` before any key is touched, and only its keys and rules judge the token.

    Args:
        own: our own issuer.
        rules: of the trusted issuers that are known from the start. No two have a name in common, and none has ours.
        find_tenant: returns the rules of another issuer by its name, or None. None: there are no others.

    Attributes:
        find_tenant: as given.
    """

    def __init__(
        self,
        own: str,
        rules: Iterable[IssuerRules],
        *,
        find_tenant: FindTenant | None = None,
    ) -> None:
        self._own = own
        self._by_name: dict[str | None, IssuerRules] = {
            name: one for one in rules for name in one.issuer.issuer or (None,)
        }
        self.find_tenant = find_tenant

    def __iter__(self) -> Iterator[IssuerRules]:
        return iter(dict.fromkeys(self._by_name.values()))

    def are_ours(self, claims: Mapping[str, object]) -> bool:
        """Return whether claims name our own issuer.

        Args:
            claims: untrusted.
        """
        return claims.get("iss") == self._own

    def find(self, claims: Mapping[str, object]) -> IssuerRules | None:
        """Return the rules of the trusted issuer that claims name, or None.

        Args:
            claims: untrusted.

        Raises:
            KeySetUnavailable: it is not known whether the issuer is trusted.
        """
        name = claims.get("iss")
        if isinstance(name, str):
            found = self._by_name.get(name)
            return found if found is not None or self.find_tenant is None else self.find_tenant(name)
        return None if "iss" in claims else self._by_name.get(None)

    def find_again(self, facts: object, *, now: float) -> Token | None:
        """Return the token of facts that are remembered, if it is still good, or None.

        It is as safe as a new verification: the rules of its issuer and its keys must still be the same, and the times
        are checked again.

        Args:
            facts: as :meth:`verify` returned them, or others, which are no facts of a token of theirs.
            now: the current time, seconds since 1970-01-01T00:00:00Z.

        Raises:
            KeySetUnavailable: the keys of its issuer are not known any more.
        """
        if type(facts) is not TrustedFacts or self.find(facts.claims) is not facts.rules:
            return None
        return facts.to_token() if facts.rules.still_accept(facts, now=now) else None

    def verify(self, parts: jws.Parts, claims: dict[str, object], *, now: float) -> TrustedFacts:
        """Verify the token of a trusted issuer, and return facts that can be remembered.

        Args:
            parts: of the token, untrusted.
            claims: of it. They are those that are judged.
            now: the current time, seconds since 1970-01-01T00:00:00Z.

        Raises:
            TokenError: the token is refused, or its issuer is not trusted.
            KeySetUnavailable: the keys of the issuer are not known.
        """
        rules = self.find(claims)
        if rules is None:
            raise WrongIssuer
        return rules.verify(parts, claims, now=now)
