"""The keys of a store and the way to them. They are written on first use, and again after a loss."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from secrets import token_hex
from typing import Any, NamedTuple, TypeVar

from ...core.errors import SettingsError, StoreUnavailable
from ...core.process import count_workers
from ...core.records.revocation import retention_of
from ...core.time_limit import remaining, time_limit
from ..rows import another_issuer, in_milliseconds
from . import record_scripts, shared_scripts
from .hashes import Hash, to_hash, to_number, to_text
from .inspection import StoreInspection
from .layout import Layout
from .script import Script
from .servers import Servers

_AT_ONCE = 500  # members of a list in one step: longer ones would block the server for others
_REVOKED_AT_ONCE = 100  # revocations in one step: each takes far longer than a member
_STATES = 3  # where the states of revocations begin in the answer of LOOK
_LOST_AGAIN = "the facts about the store are lost each time they are written: check who deletes keys on the server"

_log = logging.getLogger("flask_tokenauth")


T = TypeVar("T")


def in_parts(values: Sequence[T], size: int = _AT_ONCE) -> list[Sequence[T]]:
    """Return parts of *values* for one step each; none if there are no values."""
    return [values[start : start + size] for start in range(0, len(values), size)]


class Numbers(NamedTuple):
    """The numbers of a user, on which all sessions and tokens of the user depend.

    Attributes:
        now: by the clock of the server.
        epoch: of the user.
        key_epoch: of the user.
        revoked: whether each revocation that was asked for is there. It may have expired.
    """

    now: int
    epoch: int
    key_epoch: int
    revoked: tuple[bool, ...]


class PreparedKeys:
    """Runs the scripts of a store.

    Args:
        servers: run them.
        layout: the names of the keys.
        inspection: finds the risks that are logged at the first contact.
    """

    def __init__(self, servers: Servers, layout: Layout, inspection: StoreInspection) -> None:
        self.servers = servers
        self.layout = layout
        self._issuer: str | None = None
        self._lifetime = self._leeway = timedelta(0)
        self._inspection = inspection
        self._store_id = ""
        self._is_ready = self._is_new_enough = self._ignores_risks = False

    def bind(self, issuer: str, *, timeout: timedelta, lifetime: timedelta, leeway: timedelta) -> None:
        """Bind the store to an issuer, as :meth:`flask_tokenauth.core.store.Store.bind` describes."""
        if self._issuer not in (None, issuer):
            raise SettingsError(another_issuer(self._issuer))
        self._issuer = issuer
        self._lifetime, self._leeway = max(self._lifetime, lifetime), max(self._leeway, leeway)
        self.servers.timeout = timeout.total_seconds()
        self._is_ready = False

    def kept_for(self, retention: timedelta) -> int:
        """Return how long the record of something that is over is kept, in milliseconds, at least *retention*."""
        return in_milliseconds(max(retention, retention_of(self._lifetime, self._leeway)))

    def prepare(self, *, for_feed: bool = False) -> None:
        """Write what the store needs, unless that is done, and check the issuer.

        Args:
            for_feed: True to use the connection that only the revocation feed uses.

        Raises:
            SettingsError: the keys belong to another issuer, or the server is too old.
            StoreUnavailable: the server cannot be asked.
        """
        if self._is_ready:
            return
        issuer = self._issuer or ""
        values = (issuer, in_milliseconds(self._lifetime), in_milliseconds(self._leeway), token_hex(16), token_hex(8))
        found, store_id = map(
            to_text, self.servers.run(shared_scripts.BIND, self.layout.shared, values, for_feed=for_feed)
        )
        if found != issuer:
            raise SettingsError(
                f"{another_issuer(found)}. Another TOKENAUTH_STORE_PREFIX makes another store on the same server"
            )
        self._store_id = store_id
        self._look_at_servers()
        self._is_ready = True

    def _look_at_servers(self) -> None:
        """Refuse servers that are too old, and log once what puts a promise at risk: the store is used nevertheless."""
        if self._issuer is None or (self._is_new_enough and self._ignores_risks):
            return  # the leeway is not known before the store is bound
        limit = min(self.servers.limit_of_reads(), remaining() / 2)
        with suppress(StoreUnavailable), time_limit(limit):  # the rest is for the answer
            if self._ignores_risks:
                self._inspection.check_versions()
            else:
                self.ignore_risks()
                for risk in self._inspection.find_risks(leeway=self._leeway, processes=count_workers()):
                    _log.warning("TOKENAUTH_STORE: %s", risk)
            self._is_new_enough = True

    def ignore_risks(self) -> None:
        """Log no warning about risks: they are known, or this process is a short command."""
        self._ignores_risks = True

    def run(self, script: Script, key: bytes, arguments: Sequence[str | int] = ()) -> Any:
        """Run a script on one key, and return its answer.

        Raises:
            SettingsError: the keys belong to another issuer.
            StoreUnavailable: the server cannot be asked.
        """
        self.prepare()
        return self.servers.run(script, [key], arguments)

    def run_shared(
        self,
        script: Script,
        arguments: Sequence[str | int] = (),
        *,
        for_feed: bool = False,
        longest: float | None = None,
    ) -> Any:
        """Run a script on the shared keys, and return its answer.

        If they were lost, they are written again first, unless another issuer has taken them meanwhile.

        Args:
            script: returns None if the keys are not of the store whose ID is its last argument.
            arguments: of the script.
            for_feed: True to use the connection that only the revocation feed uses.
            longest: seconds after which the call is over; None for the usual ones.

        Raises:
            SettingsError: the keys belong to another issuer.
            StoreUnavailable: the server cannot be asked.
        """
        for _ in range(2):
            self.prepare(for_feed=for_feed)
            own = (*arguments, self._store_id)
            answer = self.servers.run(script, self.layout.shared, own, for_feed=for_feed, longest=longest)
            if answer is not None:
                return answer
            self._is_ready = False
        raise StoreUnavailable(_LOST_AGAIN)

    def look(self, user_id: str, *members: str) -> Numbers:
        """Return the numbers of a user now, and whether some revocations are there.

        Raises:
            StoreUnavailable: the server cannot be asked.
        """
        answers = [self.run_shared(shared_scripts.LOOK, (user_id, *part)) for part in in_parts(members) or [()]]
        return _read_numbers([*answers[-1][:_STATES], *(state for found in answers for state in found[_STATES:])])

    def find(self, key: bytes, member: str) -> tuple[Hash, Numbers | None]:
        """Return the fields of a record, and the numbers of its user of the same moment or a later one.

        Args:
            key: of the record.
            member: the revocation that is asked for.

        Raises:
            StoreUnavailable: the server cannot be asked, or the record has no user.
        """
        answer, numbers = self.run_and_look(record_scripts.FIND, record_scripts.FIND_WITH_NUMBERS, key, member)
        found = to_hash(answer)
        if found and numbers is None:
            numbers = self.look(to_text(found.get(b"user_id")), member)
        return found, numbers

    def run_and_look(
        self, alone: Script, with_numbers: Script, key: bytes, member: str, arguments: Sequence[str | int] = ()
    ) -> tuple[Any, Numbers | None]:
        """Run a script on a record, and return its answer, with the numbers of its user if one server has all keys.

        Args:
            alone: the script.
            with_numbers: the one that looks at the user too.
            key: of the record.
            member: the revocation that is asked for.
            arguments: of the script.
        """
        self.prepare()
        if self.servers.is_cluster:
            return self.servers.run(alone, [key], arguments), None
        own = (member, self._store_id, *arguments)
        answer, found = self.servers.run(with_numbers, [key, *self.layout.shared], own)
        return answer, None if found is None else _read_numbers(found)

    def fetch(self, keys: Sequence[bytes]) -> list[Hash]:
        """Return the fields of hashes: no fields for a key that is not there.

        Raises:
            SettingsError: the keys belong to another issuer.
            StoreUnavailable: the server cannot be asked.
        """
        self.prepare()
        return [found for part in in_parts(keys) for found in self.servers.fetch(part)]

    def read_list(
        self, list_key: bytes, until: str | int, size: int, *, script: Script = record_scripts.READ_NEWEST
    ) -> list[tuple[int, str]]:
        """Return entries of a list with their numbers, the newest first unless *script* reads the oldest ones.

        Args:
            list_key: of the list.
            until: the highest number that is read.
            size: the most entries.
            script: which end is read.
        """
        found: list[tuple[int, str]] = []
        while len(found) < size:
            wanted = min(size - len(found), _AT_ONCE)
            answer = self.run(script, list_key, (until, len(found), wanted))
            found += [(to_number(number), to_text(name)) for name, number in zip(*[iter(answer)] * 2, strict=True)]
            if len(answer) < 2 * wanted:
                break
        return found

    def remove(self, list_key: bytes, names: Sequence[str]) -> None:
        """Take names out of a list."""
        for part in in_parts(names):
            self.run(record_scripts.REMOVE_FROM_LIST, list_key, part)

    def mark_as_revoked(self, key: bytes, retention: timedelta) -> bool:
        """Mark the record of a token as revoked, and return whether this call did it. The caller writes the revocation.

        Args:
            key: of the record, which need not be there.
            retention: the least time for which the record stays.
        """
        arguments = (self.kept_for(retention), token_hex(8))
        return bool(self.run(record_scripts.REVOKE_RECORD, key, arguments))

    def delete(self, keys: Sequence[bytes]) -> None:
        """Delete records. Each server is asked once."""
        self.servers.run_each(record_scripts.DELETE, dict.fromkeys(keys, ()))

    def revoke_for(self, retention: timedelta, since: dict[str, int]) -> None:
        """Write revocations.

        Args:
            retention: the time for which they are kept; at least as long as a token of the store may live.
            since: when each of them began, in milliseconds, by its member; 0: now.
        """
        for part in in_parts(list(since.items()), _REVOKED_AT_ONCE):
            words = [word for revocation in part for word in revocation]
            self.run_shared(shared_scripts.REVOKE_FOR, (in_milliseconds(retention), token_hex(8), *words))

    def close(self) -> None:
        """Close all connections. The next call opens new ones."""
        self.servers.close()
        self._is_ready = False


def _read_numbers(answer: Sequence[Any]) -> Numbers:
    """Return the numbers in an answer of ``LOOK``."""
    now, epoch, key_epoch, *states = answer
    return Numbers(
        now=to_number(now),
        epoch=to_number(epoch),
        key_epoch=to_number(key_epoch),
        revoked=tuple(state == 1 for state in states),
    )
