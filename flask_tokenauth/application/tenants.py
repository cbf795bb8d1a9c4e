"""Tenants: issuers that a function of the application knows. What it says is remembered for a minute."""

import logging
import math
import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import msgspec

from ..core.claim_errors import IssuerNotAsked
from ..core.encoding.limits import MAX_IDENTIFIER
from ..core.errors import KeySetUnavailable, SettingsError
from ..core.process import ProcessLock, process_id
from ..core.trusted_issuers.issuer import TrustedIssuer
from ..core.trusted_issuers.rules import IssuerRules

REMEMBERED = 60.0  # seconds that an answer counts
_ASK_AGAIN = 50.0  # seconds after which one request asks again, and the others go on
_PAUSE_OF_FAILURES = 1.0  # seconds from a question that failed to the next one about the same name
_PAUSE_OF_LOG = 60.0  # seconds between two lines in the log
_LONGEST_WAIT = 6.0  # seconds for the answer that another thread waits for
_MOST_GOOD = 10_000  # tenants that are remembered
_MOST_UNKNOWN = 1_000  # names that are remembered because there is no such tenant, or because the function failed

_log = logging.getLogger("flask_tokenauth")

T = TypeVar("T")


class _Memory(OrderedDict[str, T], Generic[T]):
    """A dict that keeps the entries that were written last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def keep(self, name: str, value: T) -> None:
        self[name] = value
        self.move_to_end(name)
        if len(self) > self._most:
            self.popitem(last=False)


class _Tenant(msgspec.Struct, frozen=True):
    """A tenant, and since when it is known that it is one."""

    rules: IssuerRules
    known_at: float


class _Question(msgspec.Struct):
    """A question that is being asked."""

    process: int
    asker: int  # the thread
    lock: ProcessLock


class Tenants:
    """Finds the rules of a tenant by its name. Good and unknown names are remembered apart.

    Args:
        load: returns the issuer with a name, or None.
        pattern: names that it does not match as a whole are never asked about.
        make_rules: returns the rules of an issuer, with the source of the keys of the rules before, if it is the same.
        check: refuses an issuer that must not be a tenant.
        per_second: questions about names of no tenant in one second, at most.
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
        self._most = per_second
        self._monotonic = monotonic
        self._good: _Memory[_Tenant] = _Memory(_MOST_GOOD)
        self._unknown: _Memory[float] = _Memory(_MOST_UNKNOWN)  # names, and when they are forgotten
        self._failed: _Memory[float] = _Memory(_MOST_UNKNOWN)  # the same for questions that failed
        self._in_vain: deque[float] = deque(maxlen=per_second)  # the times of the last questions about no tenant
        self._questions: dict[str, _Question] = {}
        self._lock = ProcessLock()
        self._log_at = -math.inf

    def find(self, name: str) -> IssuerRules | None:
        """Return the rules of the tenant with this name, or None if there is none.

        Args:
            name: ``iss``, untrusted.

        Raises:
            KeySetUnavailable: the function of the application failed, or is being asked about too many names.
            IssuerNotAsked: it was not asked, since there were too many unknown names in this second.
        """
        tenant, now = self._good.get(name), self._monotonic()
        if tenant is not None and now - tenant.known_at < _ASK_AGAIN:
            return tenant.rules
        if tenant is None and (
            len(name) > MAX_IDENTIFIER or not self._pattern.fullmatch(name) or now < self._unknown.get(name, now)
        ):
            return None
        is_old = tenant is None or now - tenant.known_at >= REMEMBERED
        with self._asking(name, must_wait=is_old, is_good=tenant is not None) as may_ask:
            try:
                known = self._find_known(name)
                if known is not None:
                    return known[0]
                if may_ask:
                    return self._ask(name, tenant)
            except KeySetUnavailable:
                if is_old:
                    raise
        if tenant is None or is_old:
            raise KeySetUnavailable("issuer_loader was asked by another thread, and its answer is not known")
        return tenant.rules  # the answer of the last question still counts

    def _find_known(self, name: str) -> tuple[IssuerRules | None] | None:
        """Return what another thread has heard while this one waited; None if nothing is known."""
        now, tenant = self._monotonic(), self._good.get(name)
        if now < self._failed.get(name, now):
            raise KeySetUnavailable("issuer_loader failed a moment ago: the log has its error")
        if tenant is not None:
            return (tenant.rules,) if now - tenant.known_at < _ASK_AGAIN else None
        return (None,) if now < self._unknown.get(name, now) else None

    @contextmanager
    def _asking(self, name: str, *, must_wait: bool, is_good: bool) -> Iterator[bool]:
        """Take the turn to ask about a name: one thread at a time. Yield whether this thread has it.

        Raises:
            KeySetUnavailable: another thread takes too long, too many names are being asked about, or the function of
                the application asks about the same name itself.
            IssuerNotAsked: there were too many unknown names in this second.
        """
        with self._lock:
            question = self._questions.get(name)
            if question is None or question.process != process_id():  # a fork leaves those of the parent behind
                if not is_good:
                    self._check_limit()
                question = self._questions[name] = _Question(process_id(), threading.get_ident(), ProcessLock())
                question.lock.acquire()
                is_mine = True
            else:
                is_mine = False
        if is_mine:
            try:
                yield True
            finally:
                with self._lock:
                    self._questions.pop(name, None)
                question.lock.release()
            return
        if must_wait:
            self._wait(question)
        yield False

    def _wait(self, question: _Question) -> None:
        if question.asker == threading.get_ident():
            raise KeySetUnavailable("issuer_loader must not verify a token of the issuer it is asked about")
        if not question.lock.acquire(timeout=_LONGEST_WAIT):
            raise KeySetUnavailable("issuer_loader has not answered yet")
        question.lock.release()

    def _check_limit(self) -> None:
        now = self._monotonic()
        in_vain = sum(now - at < 1 for at in self._in_vain)
        if in_vain >= self._most:
            raise IssuerNotAsked
        if in_vain + len(self._questions) >= self._most:
            raise KeySetUnavailable("issuer_loader is being asked about too many issuers at once")

    def _ask(self, name: str, before: _Tenant | None) -> IssuerRules | None:
        now = self._monotonic()
        try:
            issuer = self._load(name)
            rules = None if issuer is None else self._read_answer(name, issuer, before)
        except Exception as error:  # noqa: BLE001  # a database of the application may be down: it is not known
            self._note_failure(name, now, error)
            raise KeySetUnavailable("issuer_loader failed: the log has its error") from None
        with self._lock:
            self._failed.pop(name, None)
            if rules is None:
                self._good.pop(name, None)
                self._unknown.keep(name, now + REMEMBERED)
                self._in_vain.append(now)
            else:
                self._unknown.pop(name, None)
                self._good.keep(name, _Tenant(rules, now))
        return rules

    def _note_failure(self, name: str, now: float, error: Exception) -> None:
        with self._lock:
            self._failed.keep(name, now + _PAUSE_OF_FAILURES)
            if name not in self._good:
                self._in_vain.append(now)
            is_quiet = now < self._log_at
            self._log_at = self._log_at if is_quiet else now + _PAUSE_OF_LOG
        if not is_quiet:
            _log.error(
                "issuer_loader failed, so tokens of the issuer it was asked about are refused with 503", exc_info=error
            )

    def _read_answer(self, name: str, issuer: object, before: _Tenant | None) -> IssuerRules:
        """Return the rules of the issuer that the function has returned.

        Raises:
            SettingsError: it is not the one that was asked about, or cannot be used.
        """
        if not isinstance(issuer, TrustedIssuer):
            raise SettingsError(
                f"issuer_loader must return a TrustedIssuer or None, got {type(issuer).__name__}: write "
                "TrustedIssuer(issuer=…)"
            )
        if name not in issuer.issuer:
            raise SettingsError(
                "issuer_loader must return the issuer it was asked about, got another: put its argument into issuer"
            )
        self._check(issuer)
        return self._make_rules(issuer, None if before is None else before.rules)
