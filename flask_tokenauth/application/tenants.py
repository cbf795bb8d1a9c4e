"""Tenants: issuers that a function of the application knows. What it says is remembered for a minute."""

import logging
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import msgspec

from ..core.encoding.limits import MAX_IDENTIFIER
from ..core.errors import KeySetUnavailable, SettingsError
from ..core.process import ProcessLock
from ..core.token_errors import IssuerNotAsked
from ..core.trusted_issuers.issuer import TrustedIssuer
from ..core.trusted_issuers.rules import IssuerRules

REMEMBERED = 60.0  # seconds that an answer counts
_ASK_AGAIN = 50.0  # seconds after which one request asks again, and the others go on
_MOST_GOOD = 10_000  # tenants that are remembered
_MOST_UNKNOWN = 1_000  # names of no tenant that are remembered

_log = logging.getLogger("flask_tokenauth")


class _Tenant(msgspec.Struct, frozen=True):
    """A tenant, and since when it is known that it is one."""

    rules: IssuerRules
    known_at: float


class Tenants:
    """Finds the rules of a tenant by its name. Good and unknown names are remembered apart.

    Args:
        load: returns the issuer with a name, or None.
        pattern: names that it does not match as a whole are never asked about.
        make_rules: returns the rules of an issuer, with the source of the keys of the rules before, if it is the same.
        check: refuses an issuer that must not be a tenant.
        per_second: unknown names that are asked about in one second, at most.
        monotonic: returns seconds that always rise, from any start.
    """

    def __init__(
        self,
        load: Callable[[str], Any],
        pattern: re.Pattern[str],
        *,
        make_rules: Callable[[TrustedIssuer, IssuerRules | None], IssuerRules],
        check: Callable[[TrustedIssuer], None],
        per_second: int,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._load = load
        self._pattern = pattern
        self._make_rules = make_rules
        self._check = check
        self._monotonic = monotonic
        self._good: OrderedDict[str, _Tenant] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()  # names, and when they are forgotten
        self._asked: deque[float] = deque(maxlen=per_second)  # the last times that an unknown name was asked about
        self._lock = ProcessLock()
        self._asking = ProcessLock()

    def find(self, name: str) -> IssuerRules | None:
        """Return the rules of the tenant with this name, or None if there is none.

        Args:
            name: ``iss``, untrusted.

        Raises:
            KeySetUnavailable: the function of the application failed.
            IssuerNotAsked: it was not asked, since there were too many unknown names in this second.
        """
        tenant, now = self._good.get(name), self._monotonic()
        if tenant is not None:
            age = now - tenant.known_at
            if age < _ASK_AGAIN:
                return tenant.rules
            return self._ask_early(name, tenant) if age < REMEMBERED else self._ask(name, tenant)
        if len(name) > MAX_IDENTIFIER or not self._pattern.fullmatch(name) or self._is_unknown(name, now):
            return None
        self._take_turn(now)
        return self._ask(name, None)

    def _is_unknown(self, name: str, now: float) -> bool:
        return now < self._unknown.get(name, now)

    def _take_turn(self, now: float) -> None:
        """Count a question about an unknown name.

        Raises:
            IssuerNotAsked: there were too many in this second.
        """
        with self._lock:
            if len(self._asked) == self._asked.maxlen and now - self._asked[0] < 1:
                raise IssuerNotAsked
            self._asked.append(now)

    def _ask_early(self, name: str, tenant: _Tenant) -> IssuerRules | None:
        """Ask again before the answer is too old, unless another thread does so."""
        if not self._asking.acquire(blocking=False):
            return tenant.rules
        try:
            return self._ask(name, tenant)
        finally:
            self._asking.release()

    def _ask(self, name: str, before: _Tenant | None) -> IssuerRules | None:
        now = self._monotonic()
        try:
            issuer = self._load(name)
        except Exception:  # noqa: BLE001  # a database of the application may be down: no token may pass, and none is bad
            _log.exception("issuer_loader failed, so tokens of the issuer it was asked about are refused with 503")
            raise KeySetUnavailable("issuer_loader failed: the log has its error") from None
        if issuer is None:
            self._forget(name, now)
            return None
        self._check_answer(name, issuer)
        rules = self._make_rules(issuer, None if before is None else before.rules)
        with self._lock:
            self._unknown.pop(name, None)
            self._good[name] = _Tenant(rules, now)
            self._good.move_to_end(name)
            if len(self._good) > _MOST_GOOD:
                self._good.popitem(last=False)
        return rules

    def _forget(self, name: str, now: float) -> None:
        with self._lock:
            self._good.pop(name, None)
            self._unknown[name] = now + REMEMBERED
            self._unknown.move_to_end(name)
            if len(self._unknown) > _MOST_UNKNOWN:
                self._unknown.popitem(last=False)

    def _check_answer(self, name: str, issuer: object) -> None:
        if not isinstance(issuer, TrustedIssuer):
            raise SettingsError(f"issuer_loader must return a TrustedIssuer or None, got {type(issuer).__name__}")
        if name not in issuer.issuer:
            raise SettingsError(
                "issuer_loader must return the issuer it was asked about, got another: put its argument into issuer"
            )
        self._check(issuer)
