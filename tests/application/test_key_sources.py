"""Where the keys of trusted issuers come from: real servers on this machine, files, and the settings."""

import json
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth import KeySetUnavailable, SettingsError, TrustedIssuer
from flask_tokenauth.application.key_sources import KeySources, source_facts
from flask_tokenauth.application.settings import Settings
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.trusted_issuers.rules import KeySource

from ..conftest import CONFIG, SECRET, StandingClock
from ..core.fetching.kit import Server, Talk, ok
from ..core.trusted_issuers.rules_kit import KEY, PUBLIC, issuer_with

OTHER = Key.generate("ES256", kid="k2").public()


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(0)


@pytest.fixture
def sources(clock: StandingClock) -> KeySources:
    return KeySources(Settings.from_config(CONFIG, app_name="tests"), monotonic=clock)


def ids(source: KeySource) -> list[tuple[str | None, str]]:
    return [(kid, key.algorithm) for kid, key in source.current().list_keys()]


def write(path: Path, *keys: Key) -> Path:
    """Write a key set to another file that then replaces the file, as programs that rotate do."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"keys": [key.to_jwk() for key in keys]}))
    return new.replace(path)


class Issuer:
    """The server of an issuer: its metadata and its key set."""

    def __init__(self, *keys: Key) -> None:
        self.keys = list(keys)
        self.issuer = ""
        self.jwks_uri = ""
        self.body: bytes | None = None

    def __call__(self, talk: Talk) -> None:
        head = self._server.requests[-1]
        if b"/.well-known/openid-configuration" in head:
            talk.send(ok(json.dumps({"issuer": self.issuer, "jwks_uri": self.jwks_uri}).encode()))
        else:
            body = json.dumps({"keys": [key.to_jwk() for key in self.keys]}).encode()
            talk.send(ok(body if self.body is None else self.body, "Cache-Control: max-age=600"))

    def serve(self) -> Server:
        self._server = Server(self)
        self.issuer, self.jwks_uri = self._server.url(""), self._server.url("/keys")
        return self._server

    def entry(self, **changes: Any) -> TrustedIssuer:
        return issuer_with(**{"keys": ..., "issuer": self.issuer, "jwks_uri": self.jwks_uri} | changes)


def test_keys_of_the_settings_are_used(sources: KeySources) -> None:
    source = sources.open(issuer_with(keys=[PUBLIC]))

    assert ids(source) == [("k1", "ES256")]
    assert source.look_for_unknown(0) is False


def test_a_secret_is_a_key_without_an_id(sources: KeySources) -> None:
    entry = issuer_with(keys=..., secret=SECRET, algorithms=["HS256", "HS384"])

    assert ids(sources.open(entry)) == [(None, "HS256"), (None, "HS384")]


def test_a_secret_that_is_too_short_for_an_algorithm_is_refused(sources: KeySources) -> None:
    with pytest.raises(SettingsError, match="an HMAC key must be at least 64 bytes long") as caught:
        sources.open(issuer_with(keys=..., secret=SECRET, algorithms="HS512"))

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("source", ["/does/not/exist.json", "{}", [7], [KEY]], ids=str)
def test_keys_that_cannot_be_used_are_a_mistake_of_the_settings(sources: KeySources, source: object) -> None:
    with pytest.raises(SettingsError, match=r"^keys of https://id\.example: "):
        sources.open(issuer_with(keys=source))


class TestFile:
    """Keys in a file, which is followed."""

    def test_it_is_read_again_when_it_changes(self, sources: KeySources, clock: StandingClock, tmp_path: Path) -> None:
        path = write(tmp_path / "keys.json", PUBLIC)
        source = sources.open(issuer_with(keys=str(path)))
        before = ids(source)

        write(path, OTHER)
        clock.now += 5

        assert (before, ids(source)) == ([("k1", "ES256")], [("k2", "ES256")])

    def test_it_is_looked_at_for_a_key_that_is_not_known(self, sources: KeySources, tmp_path: Path) -> None:
        path = write(tmp_path / "keys.json", PUBLIC)
        source = sources.open(issuer_with(keys=path))
        generation = source.current().generation

        write(path, PUBLIC, OTHER)

        assert source.look_for_unknown(generation) is True
        assert len(source.current()) == 2

    def test_a_file_that_breaks_leaves_the_keys_and_a_line_in_the_log(
        self, sources: KeySources, clock: StandingClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = write(tmp_path / "keys.json", PUBLIC)
        source = sources.open(issuer_with(keys=path))

        path.write_text("{")
        clock.now += 5

        assert ids(source) == [("k1", "ES256")]
        assert "keys of the trusted issuer https://id.example has changed and cannot be used" in caplog.text

    def test_it_may_have_pem(self, sources: KeySources, tmp_path: Path) -> None:
        path = tmp_path / "key.pem"
        path.write_text(PUBLIC.to_pem())

        assert ids(sources.open(issuer_with(keys=path))) == [(None, "ES256")]


class TestServer:
    """Keys on a server."""

    def test_they_are_fetched_by_their_url(self, sources: KeySources) -> None:
        theirs = Issuer(PUBLIC)
        with theirs.serve():
            assert ids(sources.open(theirs.entry())) == [("k1", "ES256")]

    def test_they_are_found_by_discovery(self, sources: KeySources) -> None:
        theirs = Issuer(PUBLIC, OTHER)
        with theirs.serve():
            source = sources.open(theirs.entry(jwks_uri=..., discovery=True))

            assert ids(source) == [("k1", "ES256"), ("k2", "ES256")]

    def test_a_new_key_is_known_at_its_first_token(self, sources: KeySources) -> None:
        theirs = Issuer(PUBLIC)
        with theirs.serve():
            source = sources.open(theirs.entry())
            generation = source.current().generation
            theirs.keys = [PUBLIC, OTHER]

            assert source.look_for_unknown(generation) is True
            assert len(source.current()) == 2

    @pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"keys": 7}', b'{"keys": [], "keys": []}', b"\xff", b""])
    def test_something_else_is_an_outage(self, sources: KeySources, body: bytes) -> None:
        theirs = Issuer()
        theirs.body = body
        with theirs.serve(), pytest.raises(KeySetUnavailable, match="the server must answer with a JWK Set"):
            sources.open(theirs.entry()).current()

    def test_metadata_of_another_issuer_are_an_outage(self, sources: KeySources) -> None:
        theirs = Issuer(PUBLIC)
        with theirs.serve():
            entry = theirs.entry(jwks_uri=..., discovery=True)
            theirs.issuer = "https://id.example"

            with pytest.raises(KeySetUnavailable, match="must have exactly the issuer that was asked for"):
                sources.open(entry).current()

    def test_this_machine_is_reached_only_if_the_issuer_is_on_it(self, sources: KeySources) -> None:
        theirs = Issuer(PUBLIC)
        with theirs.serve() as server:
            with pytest.raises(SettingsError, match="the URL must be https://"):
                sources.open(theirs.entry(issuer="https://id.example"))

            assert server.requests == []

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"jwks_uri": "http://keys.example/"}, "the URL must be https://, got http:// and the host keys.example"),
            ({"jwks_uri": "https://10.0.0.7/"}, "10.0.0.7, which is a private address"),
            ({"jwks_uri": "https://127.0.0.1/"}, "127.0.0.1, which is a loopback address"),
            ({"jwks_uri": "https://169.254.169.254/", "allow_private": True}, "which is special and never allowed"),
            ({"jwks_uri": "https://user@keys.example/"}, "the URL must be https://HOST:PORT/PATH"),
            (
                {"jwks_uri": ..., "discovery": True, "issuer": "https://id.example/.well-known/openid-configuration"},
                "issuer must be the claim iss, got the URL of its metadata",
            ),
        ],
    )
    def test_a_url_that_cannot_be_fetched_stops_the_application(
        self, sources: KeySources, changes: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(SettingsError, match=message):
            sources.open(issuer_with(**{"keys": ..., "issuer": "https://id.example"} | changes))

    @pytest.mark.parametrize("changes", [{"allow_private": True}, {"use_proxy": True}], ids=str)
    def test_a_private_address_can_be_allowed(self, sources: KeySources, changes: dict[str, Any]) -> None:
        assert sources.open(issuer_with(keys=..., jwks_uri="https://10.0.0.7/keys", **changes))

    def test_nothing_is_fetched_before_it_is_needed(self, sources: KeySources) -> None:
        theirs = Issuer(PUBLIC)
        with theirs.serve() as server:
            sources.open(theirs.entry())

            assert server.requests == []

    def test_without_urllib3_the_application_does_not_start(
        self, sources: KeySources, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flask_tokenauth.core.fetching.documents.find_spec", lambda _: None)

        with pytest.raises(SettingsError, match=r"flask-tokenauth-jwt\[jwks\]"):
            sources.open(issuer_with(keys=..., jwks_uri="https://id.example/keys"))


@pytest.mark.parametrize(
    "changes",
    [
        {"jwks_uri": "https://id.example/other"},
        {"jwks_uri": ..., "discovery": True},
        {"algorithms": ["RS256"]},
        {"allow_private": True},
        {"use_proxy": True},
        {"issuer": "https://other.example"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_source_is_not_the_same(changes: dict[str, Any]) -> None:
    """Whether plain HTTP and this machine are allowed depends on the name of the issuer."""
    remote: dict[str, Any] = {"keys": ..., "jwks_uri": "https://id.example/keys"}

    assert source_facts(issuer_with(**remote | changes)) != source_facts(issuer_with(**remote))
    assert source_facts(issuer_with(**remote, audience="x")) == source_facts(issuer_with(**remote))
