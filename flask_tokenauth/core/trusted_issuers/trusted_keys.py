"""The keys of a trusted issuer: only public keys, or one secret, each found by key ID and algorithm."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..keys.key import Key
from ..keys.known_headers import KnownHeaders
from ..signature_errors import UnknownKey, WrongAlgorithm


class NamedKey(NamedTuple):
    """A key and the key ID of its issuer; None if the issuer gave it none, so that tokens cannot name it."""

    kid: str | None
    key: Key


class _Index(NamedTuple):
    """The keys of one moment."""

    by_name: Mapping[tuple[str, str], Key]  # by key ID and algorithm
    fitting: Mapping[str, Sequence[Key]]  # by algorithm
    nameless: Mapping[str, Sequence[Key]]  # those without a key ID, by algorithm

    @classmethod
    def of(cls, keys: Iterable[NamedKey]) -> "_Index":
        listed = list(keys)
        return cls(
            {(kid, key.algorithm): key for kid, key in listed if kid is not None},
            _group_by_algorithm(key for _, key in listed),
            _group_by_algorithm(key for kid, key in listed if kid is None),
        )

    def facts(self) -> tuple[dict[tuple[str, str], str], dict[str, list[str]]]:
        """Return the names and the thumbprints, which are equal for the same keys."""
        return (
            {name: key.thumbprint() for name, key in self.by_name.items()},
            {algorithm: sorted(key.thumbprint() for key in keys) for algorithm, keys in self.nameless.items()},
        )


class TrustedKeys(KnownHeaders):
    """The keys of one issuer. They can be exchanged while the object is in use.

    Args:
        keys: the keys. Keys with the same ID have different algorithms (RFC 7517 section 4.5).

    Attributes:
        generation: how often the keys were exchanged.
    """

    __slots__ = ("_index", "generation")

    generation: int

    def __init__(self, keys: Iterable[NamedKey]) -> None:
        super().__init__()
        self.generation = 0
        self._index = _Index.of(keys)

    def exchange(self, keys: Iterable[NamedKey]) -> None:
        """Replace all keys, unless they are the same: then what was verified with them is still good."""
        index = _Index.of(keys)
        if index.facts() == self._index.facts():
            return
        self._index = index
        self.forget_headers()
        self.generation += 1  # last, so that a thread that reads the new number finds the new keys

    def select(self, header: Mapping[str, object]) -> Key:
        """Return the one key for a token. No second key is ever tried.

        It is the key with the ID and the algorithm of the header. If the header has no ID, or keys of the issuer have
        none, it is the only one of these for this algorithm.

        Args:
            header: the JOSE header, well-formed and untrusted. ``x5t`` is the key ID if there is no ``kid``: AD FS
                writes it.

        Raises:
            UnknownKey: no key fits, or several do.
            WrongAlgorithm: the key with this ID has another algorithm.
        """
        index = self._index
        algorithm: str = header["alg"]  # type: ignore[assignment]  # strings, as checked
        kid: str = header.get("kid") or header.get("x5t") or ""  # type: ignore[assignment]
        if not kid:
            return _only(index.fitting.get(algorithm, ()))
        key = index.by_name.get((kid, algorithm))
        if key is not None:
            return key
        if index.nameless:
            return _only(index.nameless.get(algorithm, ()))
        others = [other for name, other in index.by_name if name == kid]
        raise WrongAlgorithm(others[0]) if others else UnknownKey

    def __len__(self) -> int:
        return sum(map(len, self._index.fitting.values()))

    def list_keys(self) -> list[NamedKey]:
        """Return the keys with their IDs, those without an ID last."""
        named = [NamedKey(kid, key) for (kid, _), key in self._index.by_name.items()]
        return [*named, *(NamedKey(None, key) for keys in self._index.nameless.values() for key in keys)]


def _only(keys: Sequence[Key]) -> Key:
    if len(keys) != 1:
        raise UnknownKey
    return keys[0]


def _group_by_algorithm(keys: Iterable[Key]) -> Mapping[str, Sequence[Key]]:
    groups: dict[str, list[Key]] = {}
    for key in keys:
        groups.setdefault(key.algorithm, []).append(key)
    return groups
