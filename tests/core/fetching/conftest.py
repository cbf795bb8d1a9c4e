"""Fixtures for tests that fetch: an authority that is trusted, and the addresses that are connected to."""

import socket

import pytest

from flask_tokenauth.core.fetching import limited_sockets
from flask_tokenauth.core.fetching.addresses import Address

from .kit import LOCAL, Authority, Wire


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the proxies of this machine from the environment."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The authority, which this process trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    return authority


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Connect to this machine in the place of every address that is not broken."""
    wire = Wire()
    connect = limited_sockets._connect

    def connect_here(address: Address, port: int) -> socket.socket:
        wire.connected.append(address.ip)
        if address.ip in wire.broken:
            raise ConnectionRefusedError
        return connect(address._replace(ip=LOCAL, family=socket.AF_INET), port)

    monkeypatch.setattr(limited_sockets, "_connect", connect_here)
    return wire
