"""URLs of the store, and what they ask for."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.stores.redis.places import Source
from flask_tokenauth.stores.redis.source import MOST_REPLICAS, read_source

SECRET = "Correct-Horse"


def read(url: str) -> Source:
    return read_source(url)


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("redis://server.test", [("server.test", 6379)]),
        ("redis://server.test:1", [("server.test", 1)]),
        ("redis://server.test:65535/", [("server.test", 65535)]),
        ("valkey://10.0.0.1", [("10.0.0.1", 6379)]),
        ("redis://[::1]", [("::1", 6379)]),
        ("redis://[::1]:7000", [("::1", 7000)]),
        ("unix:///run/redis.sock", ["/run/redis.sock"]),
        ("unix:///run/my%20redis@1.sock", ["/run/my redis@1.sock"]),
        ("redis+sentinel://a,b:1,[::1]:2/main", [("a", 26379), ("b", 1), ("::1", 2)]),
        ("valkey+cluster://a,b:1", [("a", 6379), ("b", 1)]),
    ],
)
def test_a_url_names_places(url: str, places: list[Any]) -> None:
    assert list(read(url).places) == places


@pytest.mark.parametrize(
    ("scheme", "kind", "has_tls"),
    [
        (name + suffix, kind, name.endswith("ss") or name == "valkeys")
        for name in ("redis", "rediss", "valkey", "valkeys")
        for suffix, kind in {"": "server", "+sentinel": "sentinel", "+cluster": "cluster"}.items()
    ],
)
def test_a_scheme_names_the_kind_and_tls(scheme: str, kind: str, *, has_tls: bool) -> None:
    source = read(f"{scheme}://a{'/main' if kind == 'sentinel' else ''}")

    assert source.kind == kind
    assert (source.login.tls is not None) is has_tls
    assert source.sentinel_login.tls is source.login.tls


@pytest.mark.parametrize(
    ("url", "user"),
    [
        ("redis://a", (None, None)),
        ("redis://@a", (None, None)),
        ("redis://:b@a", (None, "b")),
        ("redis://user:b@a", ("user", "b")),
        ("redis://us%3Aer:p%40%2F%23@a", ("us:er", "p@/#")),
        ("redis://user:b@c@a", ("user", "b@c")),
        ("redis://user:b:c@a", ("user", "b:c")),
        ("unix://user:b@/s", ("user", "b")),
        ("redis+cluster://user:b@a,c", ("user", "b")),
    ],
)
def test_a_url_has_a_user_and_a_password(url: str, user: tuple[str, str]) -> None:
    assert (read(url).login.username, read(url).login.password) == user


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("redis://a/0", 0),
        ("redis://a/15", 15),
        ("redis://a/999999999", 999_999_999),
        ("redis+sentinel://a/main", 0),
        ("redis+sentinel://a/main/3", 3),
        ("redis+cluster://a/0", 0),
        ("unix:///s?db=4", 4),
    ],
)
def test_a_url_has_a_database(url: str, database: int) -> None:
    assert read(url).login.database == database


def test_a_url_of_sentinel_has_the_name_of_the_primary_and_a_user_of_the_sentinels() -> None:
    source = read("redis+sentinel://one:1@a/my%2Fmain/2?sentinel_username=two&sentinel_password=p%2642")

    assert source.service == "my/main"
    assert (source.login.username, source.login.password) == ("one", "1")
    assert (source.sentinel_login.username, source.sentinel_login.password) == ("two", "p&42")
    assert source.sentinel_login.database == 0


@pytest.mark.parametrize("number", [1, 2, MOST_REPLICAS])
@pytest.mark.parametrize("url", ["redis://a", "unix:///s", "redis+sentinel://a/main", "redis+cluster://a"])
def test_a_write_can_wait_for_replicas(url: str, number: int) -> None:
    assert read(f"{url}?wait={number}").wait == number
    assert read(url).wait == 0


@pytest.mark.parametrize(
    "value", ["", "0", str(MOST_REPLICAS + 1), "-1", "1.0", "x", "9" * 5000, "²", "1001", "0100", "0010000"]
)
def test_a_write_waits_for_no_other_number(value: str) -> None:
    with pytest.raises(SettingsError, match=f"1 to {MOST_REPLICAS}, got another value"):
        read(f"redis://a?wait={value}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "must be one of redis://"),
        ("redis:/a", "must be one of redis://"),
        ("http://a", "must be one of redis://"),
        ("REDIS+x://a", "must be one of redis://"),
        ("redis+unix://a", "must be one of redis://"),
        ("redis://", "each host in the URL"),
        ("redis://:6379", "each host in the URL"),
        ("redis://a:0", "each host in the URL"),
        ("redis://a:65536", "each host in the URL"),
        ("redis://a:x", "each host in the URL"),
        ("redis://a:", "each host in the URL"),
        ("redis://a:²", "each host in the URL"),
        ("redis://a:" + "9" * 5000, "each host in the URL"),
        ("redis://::1", "each host in the URL"),
        ("redis://[]", "each host in the URL"),
        ("redis+cluster://a,,b", "each host in the URL"),
        ("redis://a,b", "got several"),
        ("redis://user@a", "must have a password"),
        ("redis://user:@a", "must have a password"),
        ("redis://a/x", "must be a number from 0"),
        ("redis://a/-1", "must be a number from 0"),
        ("redis://a/1/2", "must be a number from 0"),
        ("redis://a/²", "must be a number from 0"),
        ("redis://a/1000000000", "must be a number from 0"),
        ("redis+cluster://a/1", "no database but 0"),
        ("redis+sentinel://a", "must name the primary"),
        ("redis+sentinel://a/", "must name the primary"),
        ("redis+sentinel://a//1", "must name the primary"),
        ("redis+sentinel://a/main?sentinel_username=x", "must come with sentinel_password"),
        ("redis://a?sentinel_password=x", "got sentinel_password"),
        ("redis://a?unknown=1", r"can be ssl_ca_certs, .*, wait; got unknown$"),
        ("redis://a?db=1", "got db$"),
        ("redis://a?%00=1", "got another string"),
        ("redis://a?wait=1&wait=1", "once, got it twice"),
        ("unix:///s?ssl_ca_certs=x", "can be db, wait; got ssl_ca_certs"),
        ("unix://s", "with three slashes"),
        ("unix://", "with three slashes"),
        ("unix://a/b@/s", "with three slashes"),
        ("redis://a#x", "must have no # and no @"),
        ("redis://a?ssl_ca_certs=x", "ssl_ca_certs in the URL of the store needs TLS"),
        ("rediss://a?ssl_cert_reqs=none", "must be required"),
        ("rediss://a?ssl_cert_reqs=optional", "must be required"),
        ("rediss://a?ssl_check_hostname=maybe", "must be true or false"),
        ("rediss://a?ssl_keyfile=x", "must come with ssl_certfile"),
        ("rediss://a?ssl_ca_certs=/none", "this raised FileNotFoundError"),
    ],
)
def test_another_url_is_refused(url: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:{}@a:x", "redis://user:{}#@a", "redis://user:1?{}=x@a", "redis://user:1/{}@a", "http://u:{}@a",
        "redis://user:{}@a/{}", "redis://user:{}@a?{}!=1", "{}", "redis://user:{}@a?wait={}", "unix://user:{}@s",
        "redis+sentinel://:{}@a", "rediss://:{}@a?ssl_cert_reqs={}", "rediss://:{}@a?ssl_ca_certs={}",
        "rediss://:{}@a?ssl_check_hostname={}", "redis+cluster://:{}@a/1",
    ],
)  # fmt: skip
def test_no_error_repeats_a_password(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(url.replace("{}", SECRET))

    error: BaseException | None = caught.value
    while error:
        assert SECRET not in repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize(("value", "checks"), [("true", True), ("1", True), ("False", False), ("no", False)])
def test_the_name_in_a_certificate_is_checked_unless_the_url_says_no(value: str, *, checks: bool) -> None:
    tls = read(f"rediss://a?ssl_check_hostname={value}").login.tls

    assert tls is not None
    assert tls.check_hostname is checks
    assert tls.verify_mode is ssl.CERT_REQUIRED


def test_a_certificate_of_the_client_is_read_from_files(tmp_path: Path) -> None:
    path = tmp_path / "both.pem"
    path.write_text("no certificate")

    with pytest.raises(SettingsError, match="this raised SSLError"):
        read(f"rediss://a?ssl_certfile={path}&ssl_keyfile={path}&ssl_cert_reqs=required")
