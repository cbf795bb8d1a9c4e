"""The search for revocations that the store has lost."""

import pytest

from flask_tokenauth.core.process import ProcessLock
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.revocation.index import PARTS, RevocationIndex
from flask_tokenauth.core.revocation.reload import Reload

from ...conftest import NOW
from .kit import LATER, ms


class Recorded(ProcessLock):
    """A lock that counts its uses."""

    def __init__(self) -> None:
        super().__init__()
        self.uses = 0

    def __enter__(self) -> None:
        super().__enter__()
        self.uses += 1


def session(subject: str, until: int = LATER) -> Revocation:
    return Revocation(kind="session", subject=subject, expires_at=until)


def test_threads_that_revoke_wait_for_one_part_of_the_search() -> None:
    index, lock = RevocationIndex(grace=70), Recorded()
    for number in range(1000):
        index.add(session(f"{number}"))
    looked_at: list[tuple[int, bool]] = []
    missing_in = index.missing_in
    index.missing_in = lambda other, number: (  # type: ignore[method-assign]
        looked_at.append((lock.uses, lock.locked())) or missing_in(other, number)  # type: ignore[func-returns-value]
    )

    lost = Reload(grace=70).find_lost(index, lock, NOW)

    assert looked_at == [(number + 1, True) for number in range(PARTS)]
    assert not lock.locked()
    assert len(lost) == 1000


@pytest.mark.parametrize(("before", "found"), [(1, 1), (0, 0), (-1, 0)])
def test_what_has_expired_was_not_lost(before: float, found: int) -> None:
    index = RevocationIndex(grace=70)
    index.add(session("s", ms(NOW // 60 * 60)))

    assert len(Reload(grace=70).find_lost(index, ProcessLock(), NOW // 60 * 60 - before)) == found
