"""Where the keys of a trusted issuer come from: its server, a file, or the settings."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from ..core.encoding.strict_json import read_object
from ..core.errors import InvalidKey, SettingsError
from ..core.fetching.addresses import Reach, is_address, is_loopback_host, resolve
from ..core.fetching.documents import Fetched, check_installed, fetch
from ..core.fetching.failures import FetchFailed
from ..core.fetching.urls import parse_url
from ..core.keys.key import Key
from ..core.keys.key_files import FileVersion
from ..core.keys.loading import find_path, read_source
from ..core.trusted_issuers.discovery import Discovered, discover
from ..core.trusted_issuers.issuer import TrustedIssuer
from ..core.trusted_issuers.public_keys import ReadSet, load_public_keys, read_public_jwks
from ..core.trusted_issuers.remote_keys import FetchedSet, RemoteKeys
from ..core.trusted_issuers.rules import KeySource
from ..core.trusted_issuers.trusted_keys import NamedKey, TrustedKeys
from .followed_file import FollowedFile
from .settings import Settings

_DEADLINE = 5.0  # seconds for all that is fetched at once
_SHORTEST = 0.01  # seconds


class KeySources:
    """Makes the sources of keys for the trusted issuers of one application.

    Args:
        settings: of the application.
        monotonic: returns seconds that always rise, from any start.
    """

    def __init__(self, settings: Settings, *, monotonic: Callable[[], float] = time.perf_counter) -> None:
        self._settings = settings
        self._monotonic = monotonic

    def open(self, issuer: TrustedIssuer, *, may_be_local: bool = True) -> KeySource:
        """Return the source of the keys of an issuer. Nothing is fetched yet.

        Args:
            issuer: the issuer.
            may_be_local: whether it may be on this machine, if its name says so.

        Raises:
            SettingsError: keys in the settings or in a file cannot be used.
        """
        if issuer.jwks_uri is not None or issuer.discovery:
            check_installed()
            fetcher = SetFetcher(issuer, may_be_local=may_be_local)
            fetcher.check()
            return RemoteKeys(
                fetcher,
                name=issuer.name,
                max_staleness=self._settings.trusted_keys_max_staleness.total_seconds(),
                monotonic=self._monotonic,
            )
        try:
            if issuer.secret is not None:
                return _FixedKeys(ReadSet(_read_secret(issuer), {}))
            path = find_path(issuer.keys)
            if path is not None:
                return self._follow(path, issuer)
            return _FixedKeys(load_public_keys(issuer.keys, issuer.algorithms))
        except InvalidKey as error:
            raise SettingsError(f"keys of {issuer.name}: {error}") from error

    def _follow(self, path: Path, issuer: TrustedIssuer) -> KeySource:
        source, version = read_source(path)
        read = load_public_keys(source, issuer.algorithms)
        interval = self._settings.keys_interval.total_seconds()
        return _KeysInFile(path.absolute(), read, issuer, version=version, interval=interval, monotonic=self._monotonic)


def source_facts(issuer: TrustedIssuer) -> tuple[object, ...]:
    """Return all that decides where the keys of an issuer come from: if it is equal, a source can be used again."""
    return (
        issuer.issuer[:1],
        issuer.jwks_uri,
        issuer.discovery,
        issuer.keys,
        issuer.secret,
        issuer.algorithms,
        issuer.allow_private,
        issuer.use_proxy,
    )


def _read_secret(issuer: TrustedIssuer) -> list[NamedKey]:
    secret = issuer.secret or b""
    return [NamedKey(None, Key.from_secret(secret, alg=name)) for name in sorted(issuer.algorithms or ())]


class _FixedKeys:
    """Keys in the settings."""

    def __init__(self, read: ReadSet) -> None:
        self._keys = TrustedKeys(read.keys)
        self.skipped: Mapping[int, str] = read.skipped

    def current(self) -> TrustedKeys:
        return self._keys

    refresh = current

    def look_for_unknown(self, generation: int) -> bool:
        return self._keys.generation != generation


class _KeysInFile(FollowedFile):
    """Keys in a file, which is followed."""

    def __init__(
        self,
        path: Path,
        read: ReadSet,
        issuer: TrustedIssuer,
        *,
        version: FileVersion,
        interval: float,
        monotonic: Callable[[], float],
    ) -> None:
        name = f"keys of the trusted issuer {issuer.name}"
        self._keys = TrustedKeys(read.keys)
        self.skipped: Mapping[int, str] = read.skipped
        super().__init__(path, self._keys, name=name, version=version, interval=interval, monotonic=monotonic)
        self._algorithms = issuer.algorithms

    def current(self) -> TrustedKeys:
        """Return the keys, after a look at the file if it is time."""
        self.look()
        return self._keys

    refresh = current

    def _exchange(self, path: Path) -> FileVersion:
        source, version = read_source(path)
        read = load_public_keys(source, self._algorithms)
        self._keys.exchange(read.keys)
        self.skipped = read.skipped
        return version


class SetFetcher:
    """Fetches the key set of an issuer, and the metadata that name its URL.

    Args:
        issuer: with ``jwks_uri`` or ``discovery``.
        may_be_local: whether it may be on this machine, if its name says so.
    """

    def __init__(self, issuer: TrustedIssuer, *, may_be_local: bool) -> None:
        self._issuer = issuer
        is_local = may_be_local and is_loopback_host(urlsplit(issuer.name).hostname or "")
        self._reach = Reach(loopback=is_local, private=issuer.allow_private)

    def check(self) -> None:
        """Check the URL, as far as that is possible without the network.

        Raises:
            SettingsError: it cannot be fetched.
        """
        url = self._issuer.name if self._issuer.discovery else str(self._issuer.jwks_uri)
        try:
            target = parse_url(url, reach=self._reach)
            if is_address(target.host) and not self._issuer.use_proxy:
                resolve(target.host, target.port, reach=self._reach)
        except FetchFailed as failure:
            raise SettingsError(
                f"keys of {self._issuer.name}: {failure}. Or save them to a file, and pass its path as keys"
            ) from None
        if self._issuer.discovery and "/.well-known/" in target.path:
            raise SettingsError(
                f"issuer must be the claim iss, got the URL of its metadata: leave out /.well-known/ and the rest, "
                f"{self._issuer.name.partition('/.well-known/')[0]}"
            )

    def __call__(self) -> FetchedSet:
        """Fetch the key set.

        Raises:
            FetchFailed: it cannot be fetched, or is no JWK Set.
        """
        issuer, end, reach = self._issuer, time.perf_counter() + _DEADLINE, self._reach
        found = Discovered(str(issuer.jwks_uri), reach, None)
        if issuer.discovery:
            found = discover(issuer.name, reach=reach, fetch=partial(self._fetch, end))
        fetched = self._fetch(end, found.jwks_uri, reach=found.reach)
        try:
            return FetchedSet(read_public_jwks(read_object(fetched.body), issuer.algorithms), fetched.lifetime)
        except (ValueError, InvalidKey):
            raise FetchFailed("the server must answer with a JWK Set, got something else: check jwks_uri") from None

    def _fetch(self, end: float, url: str, *, reach: Reach) -> Fetched:
        left = max(_SHORTEST, end - time.perf_counter())
        return fetch(url, reach=reach, seconds=left, use_proxy=self._issuer.use_proxy)
