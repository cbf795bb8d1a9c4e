"""The fuzz target reaches each of the readers."""

import pytest

from .fuzz_core import SEEDS, fuzz


@pytest.mark.parametrize("data", SEEDS, ids=range(len(SEEDS)))  # some are random
def test_nothing_but_a_refusal_comes_out(data: bytes) -> None:
    fuzz(data)
