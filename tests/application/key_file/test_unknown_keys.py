"""A token names a key that is not known: the file of the keys is looked at before its interval ends."""

from pathlib import Path

import pytest

from flask_tokenauth.application.key_file import FollowedKeyFile
from flask_tokenauth.core.keys.key_set import KeySet

from ...conftest import StandingClock
from .kit import A, B, kids, write


def test_looks_for_unknown_keys_do_not_delay_the_other_looks(
    followed: FollowedKeyFile, clock: StandingClock, looks: list[Path]
) -> None:
    """Others report there which ring the process has."""
    reports: list[str] = []
    followed._report_ring, followed._keys.ring = reports.append, "one"
    for _ in range(10):
        clock.now += 1
        followed.look_for_unknown(0)
        followed.look()

    assert len(reports) == 2
    assert len(looks) == 12


@pytest.mark.parametrize(("later", "number"), [(0.999, 1), (1.0, 2), (1.001, 2)])
def test_the_file_is_looked_at_for_an_unknown_key_once_a_second(
    followed: FollowedKeyFile, clock: StandingClock, looks: list[Path], later: float, number: int
) -> None:
    assert not followed.look_for_unknown(0)
    clock.now += later

    assert not followed.look_for_unknown(0)

    assert len(looks) == number


def test_a_key_that_is_new_in_the_file_is_found_before_the_interval_ends(
    path: Path, keys: KeySet, followed: FollowedKeyFile
) -> None:
    write(path, A, B)

    assert followed.look_for_unknown(keys.generation)

    assert kids(keys) == ["a", "b"]


def test_keys_that_another_thread_has_exchanged_meanwhile_are_enough(
    keys: KeySet, followed: FollowedKeyFile, looks: list[Path]
) -> None:
    keys.exchange([A, B])

    assert followed.look_for_unknown(0)

    assert looks == []
