"""The key set of an issuer is found by its metadata, which must be its own."""

import json

import pytest

from flask_tokenauth.core.fetching.addresses import Reach
from flask_tokenauth.core.fetching.documents import Fetched, FetchFailed
from flask_tokenauth.core.trusted_issuers.discovery import Discovered, discover

from ..fetching.kit import Server, Talk, ok

ISSUER = "https://issuer.example"
OPENID = f"{ISSUER}/.well-known/openid-configuration"
OAUTH = f"{ISSUER}/.well-known/oauth-authorization-server"
KEYS = "https://keys.example/jwks.json"
INTERNET = Reach()
ANYWHERE = Reach(loopback=True, private=True)


class Web:
    """Documents by their URL, in the place of the network.

    Attributes:
        asked: the URLs that were fetched.
    """

    def __init__(self, *, is_private: bool = False, is_loopback: bool = False, lifetime: float | None = None) -> None:
        self.documents: dict[str, bytes | FetchFailed] = {}
        self.asked: list[tuple[str, Reach]] = []
        self._facts = (lifetime, is_private, is_loopback)

    def put(self, url: str, issuer: object = ISSUER, **metadata: object) -> "Web":
        """Add metadata. The value ``...`` leaves a member out."""
        members = {"issuer": issuer, "jwks_uri": KEYS} | metadata
        self.documents[url] = json.dumps({name: value for name, value in members.items() if value is not ...}).encode()
        return self

    def __call__(self, url: str, *, reach: Reach) -> Fetched:
        self.asked.append((url, reach))
        document = self.documents.get(url, FetchFailed("not found", status=404))
        if isinstance(document, FetchFailed):
            raise document
        return Fetched(document, *self._facts)


def test_the_key_set_is_found() -> None:
    web = Web(lifetime=600.0).put(OPENID)

    assert discover(ISSUER, reach=INTERNET, fetch=web) == Discovered(KEYS, INTERNET, 600.0)
    assert web.asked == [(OPENID, INTERNET)]


@pytest.mark.parametrize(
    ("issuer", "openid", "oauth"),
    [
        (ISSUER, OPENID, OAUTH),
        (f"{ISSUER}/", OPENID, OAUTH),
        (f"{ISSUER}/a/b", f"{ISSUER}/a/b/.well-known/openid-configuration", f"{OAUTH}/a/b"),
        (f"{ISSUER}/a/b/", f"{ISSUER}/a/b/.well-known/openid-configuration", f"{OAUTH}/a/b"),
        (
            f"{ISSUER}:8443/a",
            f"{ISSUER}:8443/a/.well-known/openid-configuration",
            f"{ISSUER}:8443/.well-known/oauth-authorization-server/a",
        ),
        (
            "https://[2606:4700::1111]/a",
            "https://[2606:4700::1111]/a/.well-known/openid-configuration",
            "https://[2606:4700::1111]/.well-known/oauth-authorization-server/a",
        ),
    ],
)
def test_the_metadata_has_two_places(issuer: str, openid: str, oauth: str) -> None:
    """OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3."""
    web = Web().put(oauth, issuer)

    discover(issuer, reach=INTERNET, fetch=web)

    assert [url for url, _ in web.asked] == [openid, oauth]


def test_an_issuer_without_metadata_is_named() -> None:
    with pytest.raises(FetchFailed, match=r"issuer.example must publish its metadata.*has none") as caught:
        discover(ISSUER, reach=INTERNET, fetch=Web())

    assert caught.value.status == 404


@pytest.mark.parametrize("status", [None, 301, 400, 403, 410, 500, 503])
def test_other_trouble_is_an_outage_and_the_next_place_is_not_tried(status: int | None) -> None:
    """An attacker who can stop one answer must not choose another one."""
    web = Web().put(OAUTH)
    web.documents[OPENID] = FetchFailed("trouble", status=status)

    with pytest.raises(FetchFailed, match="trouble"):
        discover(ISSUER, reach=INTERNET, fetch=web)

    assert len(web.asked) == 1


def test_trouble_in_the_second_place_is_an_outage_too() -> None:
    web = Web()
    web.documents[OAUTH] = FetchFailed("trouble", status=503)

    with pytest.raises(FetchFailed, match="trouble"):
        discover(ISSUER, reach=INTERNET, fetch=web)


@pytest.mark.parametrize(
    "other",
    [
        "https://other.example",
        f"{ISSUER}/",
        f"{ISSUER}:443",
        "https://ISSUER.example",
        "HTTPS://issuer.example",
        "http://issuer.example",
        f"{ISSUER}/.well-known/openid-configuration",
        "",
        None,
        [ISSUER],
        {"issuer": ISSUER},
        1,
        ...,
    ],
)
def test_the_metadata_must_be_that_of_the_issuer(other: object) -> None:
    """RFC 8414 section 3.3: the value must be identical."""
    with pytest.raises(FetchFailed, match="must have exactly the issuer that was asked for"):
        discover(ISSUER, reach=INTERNET, fetch=Web().put(OPENID, issuer=other))


def test_a_slash_at_the_end_belongs_to_the_issuer() -> None:
    with pytest.raises(FetchFailed, match="with or without a slash at the end"):
        discover(f"{ISSUER}/", reach=INTERNET, fetch=Web().put(OPENID))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"hunter2"',
        b"<html>hunter2</html>",
        b"\xff\xfe{}",
        b'{"issuer": NaN}',
        b'{"issuer": "hunter2", "issuer": "https://issuer.example"}',
        b"[" * 100_000,
        b'{"a": ' * 40 + b"1" + b"}" * 40,
        b'{"a": ' + b"1" * 10_000 + b"}",
    ],
)
def test_the_metadata_must_be_a_json_object(document: bytes) -> None:
    web = Web()
    web.documents[OPENID] = document

    with pytest.raises(FetchFailed, match=r"the metadata of issuer.example must be a JSON object") as caught:
        discover(ISSUER, reach=INTERNET, fetch=web)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("jwks_uri", [..., None, 1, True, [KEYS], {"uri": KEYS}])
def test_the_metadata_must_have_a_key_set(jwks_uri: object) -> None:
    with pytest.raises(FetchFailed, match="must have a string as jwks_uri, got none"):
        discover(ISSUER, reach=INTERNET, fetch=Web().put(OPENID, jwks_uri=jwks_uri))


@pytest.mark.parametrize(
    "jwks_uri",
    ["", "/jwks", "file:///etc/passwd", "ftp://a.example/", "https://a@b.example/", "https://0x7f.1/", "https://a/#b"],
)
def test_the_url_of_the_key_set_must_be_plain(jwks_uri: str) -> None:
    with pytest.raises(
        FetchFailed, match=r"the jwks_uri in the metadata of issuer.example cannot be used: the URL must"
    ):
        discover(ISSUER, reach=ANYWHERE, fetch=Web().put(OPENID, jwks_uri=jwks_uri))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "keys.example"])
@pytest.mark.parametrize("facts", [{}, {"is_private": True}])
def test_plain_http_is_for_issuers_on_this_machine(host: str, facts: dict[str, bool]) -> None:
    web = Web(**facts).put(OPENID, jwks_uri=f"http://{host}/keys")

    with pytest.raises(FetchFailed, match="must be https://, got http://"):
        discover(ISSUER, reach=ANYWHERE, fetch=web)


@pytest.mark.parametrize(
    ("facts", "reach"),
    [
        ({}, INTERNET),
        ({"is_private": True}, Reach(private=True)),
        ({"is_loopback": True}, Reach(loopback=True)),
    ],
)
def test_the_key_set_may_be_where_the_issuer_is(facts: dict[str, bool], reach: Reach) -> None:
    """An issuer on the internet must not lead into a private network, even if other issuers are in it."""
    assert discover(ISSUER, reach=ANYWHERE, fetch=Web(**facts).put(OPENID)).reach == reach


@pytest.mark.parametrize(
    "issuer", ["issuer.example", "http://issuer.example", "https://a@issuer.example", "", "https://"]
)
def test_the_issuer_must_be_a_plain_url(issuer: str) -> None:
    web = Web()

    with pytest.raises(FetchFailed):
        discover(issuer, reach=ANYWHERE, fetch=web)

    assert web.asked == []


@pytest.mark.parametrize("issuer", [f"{ISSUER}?tenant=hunter2", f"{ISSUER}/?"])
def test_the_issuer_must_have_no_query(issuer: str) -> None:
    with pytest.raises(FetchFailed, match=r"issuer.example must have no query, got one: remove it") as caught:
        discover(issuer, reach=INTERNET, fetch=Web())

    assert "hunter2" not in str(caught.value)


def test_an_issuer_on_this_machine_is_discovered_with_real_requests() -> None:
    def answer(talk: Talk) -> None:
        if len(server.requests) == 1:
            talk.send(ok(b"", status="404 Not Found"))
        else:
            issuer = server.url("/a")
            metadata = {"issuer": issuer, "jwks_uri": server.url("/keys")}
            talk.send(ok(json.dumps(metadata).encode(), "Cache-Control: max-age=5"))

    with Server(answer) as server:
        found = discover(server.url("/a"), reach=Reach(loopback=True))

    assert found == Discovered(server.url("/keys"), Reach(loopback=True), 5.0)
    assert [request.split()[1] for request in server.requests] == [
        b"/a/.well-known/openid-configuration",
        b"/.well-known/oauth-authorization-server/a",
    ]
