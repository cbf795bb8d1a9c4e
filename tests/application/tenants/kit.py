"""A loader that knows the tenants of an application, and names of issuers."""

import re
from collections.abc import Iterator
from typing import Any

from flask_tokenauth import TrustedIssuer
from flask_tokenauth.core.trusted_issuers.rules import IssuerRules

from ...core.trusted_issuers.rules_kit import issuer_with, rules_with
from ...waiting import Held

PATTERN = re.compile(r"https://[a-z0-9]+\.example")
GOOD, OTHER = "https://good.example", "https://other.example"
PER_SECOND = 10


class Loader(Held):
    """A loader of an application, with a record of the questions."""

    def __init__(self) -> None:
        super().__init__()
        self.tenants: dict[str, Any] = {GOOD: issuer_with(issuer=GOOD)}
        self.asked: list[str] = []
        self.is_down = False

    def __call__(self, name: str) -> Any:
        self.asked.append(name)
        self.before_answer()
        if self.is_down:
            raise RuntimeError("the database is down")
        return self.tenants.get(name)


def make_rules(issuer: TrustedIssuer, before: IssuerRules | None) -> IssuerRules:
    return before if before is not None and before.issuer == issuer else rules_with(issuer=issuer.issuer[0])


def names() -> Iterator[str]:
    """Return names of no tenant, which the pattern matches."""
    return (f"https://x{number}.example" for number in range(10_000))
