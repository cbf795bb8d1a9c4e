"""Find the key set of an issuer by the metadata that it publishes (OpenID Connect Discovery 1.0, RFC 8414)."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from ..encoding.strict_json import read_object
from ..fetching.addresses import Reach
from ..fetching.documents import Fetched
from ..fetching.documents import fetch as fetch_document
from ..fetching.failures import FetchFailed
from ..fetching.urls import Target, parse_url

_NOT_FOUND = 404


class Fetch(Protocol):
    """Fetches a document, as :func:`fetch` does."""

    def __call__(self, url: str, *, reach: Reach) -> Fetched:
        """Return the document, or raise ``FetchFailed``."""


class Discovered(NamedTuple):
    """The key set of an issuer.

    Attributes:
        jwks_uri: the URL of the key set.
        reach: the addresses that may be connected to for it, besides global ones.
        lifetime: the seconds that the metadata may still be used, as in ``Fetched``.
    """

    jwks_uri: str
    reach: Reach
    lifetime: float | None


def discover(issuer: str, *, reach: Reach, fetch: Fetch = fetch_document) -> Discovered:
    """Find the key set of an issuer.

    The metadata may name any server on the internet. It may name one of a private network only if the issuer itself is
    in one, and this machine only if the issuer itself is on it.

    Args:
        issuer: its identifier, a URL without a query.
        reach: the addresses that may be connected to for the metadata, besides global ones.
        fetch: fetches a document.

    Raises:
        FetchFailed: there is no metadata, or it is not that of the issuer.
    """
    target = parse_url(issuer, reach=reach)
    if target.query:
        raise FetchFailed(f"the identifier of the issuer at {target.host} must have no query, got one: remove it")
    for url in _list_places(issuer, target):
        try:
            fetched = fetch(url, reach=reach)
        except FetchFailed as failure:
            if failure.status != _NOT_FOUND:
                raise
        else:
            return _read_metadata(issuer, target.host, fetched)
    raise FetchFailed(
        f"{target.host} must publish its metadata (OpenID Connect Discovery, RFC 8414), but has none for this issuer: "
        "check the identifier of the issuer, or configure the URL of its key set",
        status=_NOT_FOUND,
    )


def _list_places(issuer: str, target: Target) -> Iterator[str]:
    yield f"{issuer.removesuffix('/')}/.well-known/openid-configuration"  # OpenID Connect Discovery 1.0 section 4
    yield f"{target.origin}/.well-known/oauth-authorization-server{target.path.removesuffix('/')}"  # RFC 8414 section 3


def _read_metadata(issuer: str, host: str, fetched: Fetched) -> Discovered:
    try:
        metadata = read_object(fetched.body)
    except ValueError:
        raise FetchFailed(
            f"the metadata of {host} must be a JSON object, got something else: check the identifier of the issuer"
        ) from None
    _check_issuer(issuer, host, metadata)
    jwks_uri = metadata.get("jwks_uri")
    if not isinstance(jwks_uri, str):
        raise FetchFailed(
            f"the metadata of {host} must have a string as jwks_uri, got none: configure the URL of the key set"
        )
    reach = Reach(loopback=fetched.is_loopback, private=fetched.is_private)
    try:
        parse_url(jwks_uri, reach=reach)
    except FetchFailed as failure:
        raise FetchFailed(f"the jwks_uri in the metadata of {host} cannot be used: {failure}") from None
    return Discovered(jwks_uri, reach, fetched.lifetime)


def _check_issuer(issuer: str, host: str, metadata: Mapping[str, object]) -> None:
    """Check that the metadata is that of the issuer: a server could name keys for another one."""
    if metadata.get("issuer") != issuer:
        raise FetchFailed(
            f"the metadata of {host} must have exactly the issuer that was asked for (RFC 8414 section 3.3), got "
            "another one or none: write the identifier as the issuer does, with or without a slash at the end"
        )
