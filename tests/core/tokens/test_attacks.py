"""Each attack of this project differs from a token that is accepted, so its refusal proves something."""

import json

import pytest

from tests.attacks.__main__ import TARGET, collect, write
from tests.attacks.kit import PRIVATE_MEMBERS, Case

CASES = collect()
BY_ID = {case.id: case for case in CASES}


@pytest.mark.once
@pytest.mark.slow
def test_the_file_is_what_the_generator_writes() -> None:
    assert TARGET.read_text() == write()


def test_there_are_many_and_none_comes_twice() -> None:
    questions = {json.dumps([case.layer, case.key, case.token, case.decryption]) for case in CASES}

    assert len(CASES) == len(BY_ID) == len(questions)
    assert len(CASES) > 800


@pytest.mark.parametrize("case", [case for case in CASES if case.reason], ids=lambda case: case.id)
def test_every_attack_differs_from_a_control_that_is_accepted(case: Case) -> None:
    control = BY_ID[str(case.control)]

    assert control.reason is None
    assert (case.key, case.token, case.decryption) != (control.key, control.token, control.decryption)


def test_no_private_key_is_shown() -> None:
    assert not any(f'"{member}":' in json.dumps(case.key) for case in CASES for member in PRIVATE_MEMBERS)
