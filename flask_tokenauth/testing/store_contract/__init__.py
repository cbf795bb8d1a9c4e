"""The promises of every store, as tests: for the stores of this package, and for your own.

Write a subclass of :class:`StoreContract` with its fixtures, in a module that pytest collects. ``age`` and the other
fixtures change what the store has stored, without its methods, so that no test waits for a clock::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self) -> Store: ...  # an empty one

        @pytest.fixture
        def age(self, store) -> Age: ...  # age(session_id, duration): move all times of that session back

        @pytest.fixture
        def age_revocations(self, store) -> AgeRevocations: ...  # age_revocations(duration): move their expiry back

        @pytest.fixture
        def age_rings(self, store) -> AgeRings: ...  # age_rings(duration): move the times of their reports back

        @pytest.fixture
        def age_api_keys(self, store) -> AgeApiKeys: ...  # age_api_keys(duration): move all their times back

        @pytest.fixture
        def age_reference_tokens(self, store) -> AgeReferenceTokens: ...  # (duration): move all their times back

        @pytest.fixture
        def set_generation(self, store) -> SetGeneration: ...  # set_generation(session_id, generation): store it

        @pytest.fixture
        def copy(self, store) -> CopyStore: ...  # put_back = copy(); later put_back() restores the copy

        @pytest.fixture
        def wipe(self, store) -> WipeStore: ...  # wipe(): lose everything, and be an empty store

Put ``pytest.register_assert_rewrite("flask_tokenauth.testing.store_contract")`` into your ``conftest.py``: then failed
tests show the values. Only these modules and the fixtures import pytest, which the package does not depend on.
"""

from .api_key_ends import ApiKeyEndContract
from .api_keys import ApiKeyContract
from .displacement import DisplacementContract
from .identifiers import IdentifierContract
from .kit import (
    Age,
    AgeApiKeys,
    AgeReferenceTokens,
    AgeRevocations,
    AgeRings,
    CopyStore,
    SetGeneration,
    WipeStore,
)
from .lost_writes import LostWritesContract
from .purges import PurgeContract
from .redemption import RedemptionContract
from .reference_tokens import ReferenceTokenContract
from .revocation import RevocationContract
from .revocation_pages import RevocationPagesContract
from .rings import RingContract
from .session_ends import SessionEndContract
from .session_pages import SessionPagesContract
from .sessions import SessionContract
from .spending import SpendingContract

__all__ = [
    "Age",
    "AgeApiKeys",
    "AgeReferenceTokens",
    "AgeRevocations",
    "AgeRings",
    "CopyStore",
    "SetGeneration",
    "StoreContract",
    "WipeStore",
]


class StoreContract(
    SessionContract,
    SessionEndContract,
    SessionPagesContract,
    DisplacementContract,
    RedemptionContract,
    RevocationContract,
    RevocationPagesContract,
    ApiKeyContract,
    ApiKeyEndContract,
    ReferenceTokenContract,
    SpendingContract,
    LostWritesContract,
    PurgeContract,
    RingContract,
    IdentifierContract,
):
    """Tests every promise of :class:`flask_tokenauth.core.store.Store`."""
