"""What every store promises, as tests: for the stores of this package, and for those that people write themselves.

A subclass, in a module that pytest collects, supplies the fixtures. ``age`` and the others reach into the store behind
its back, so that no test waits for a clock::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self) -> Store: ...  # an empty one

        @pytest.fixture
        def age(self, store) -> Age: ...  # age(session_id, duration): moves all times of that session back

        @pytest.fixture
        def age_revocations(self, store) -> AgeRevocations: ...  # age_revocations(duration): moves their expiry back

        @pytest.fixture
        def set_generation(self, store) -> SetGeneration: ...  # set_generation(session_id, generation)

        @pytest.fixture
        def copy(self, store) -> CopyStore: ...  # put_back = copy(), and later put_back(): as from a backup

        @pytest.fixture
        def wipe(self, store) -> WipeStore: ...  # wipe(): all is lost, and an empty store is in its place

``pytest.register_assert_rewrite("flask_tokenauth.testing.store_contract")`` in a ``conftest.py`` makes failures tell
more. The only modules beside the fixtures that import pytest, which the package does not depend on.
"""

from .identifiers import IdentifierContract
from .kit import Age, AgeRevocations, CopyStore, SetGeneration, WipeStore
from .lost_writes import LostWritesContract
from .redemption import RedemptionContract
from .revocation import RevocationContract
from .revocation_pages import RevocationPagesContract
from .sessions import SessionContract

__all__ = ["Age", "AgeRevocations", "CopyStore", "SetGeneration", "StoreContract", "WipeStore"]


class StoreContract(
    SessionContract,
    RedemptionContract,
    RevocationContract,
    RevocationPagesContract,
    LostWritesContract,
    IdentifierContract,
):
    """Every promise of :class:`flask_tokenauth.core.store.Store`."""
