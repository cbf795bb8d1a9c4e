"""Which URLs may get a token: the scheme, the host and the port are compared exactly."""

from typing import Any

import pytest

from flask_tokenauth.downstream.origins import Origins, find_origin

ORIGIN = "https://reports.example"


@pytest.mark.parametrize(
    "url",
    [
        ORIGIN,
        f"{ORIGIN}/",
        f"{ORIGIN}/a?b=https://evil.example#c",
        f"{ORIGIN}?a|b",
        f"{ORIGIN}#a",
        f"{ORIGIN}:443/",
        "HTTPS://Reports.Example/",
    ],
)
def test_a_url_of_an_origin_gets_the_token(url: str) -> None:
    Origins([ORIGIN]).check(url)

    assert Origins([ORIGIN]).has(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://reports.example/",
        "https://reports.example:444/",
        "https://reports.example./",
        "https://reports.example.evil.example/",
        "https://evil.example/https://reports.example",
        "https://evil.example#//reports.example",
        "https://reports.example@evil.example/",
        "https://alice@reports.example/",
        "https://:@reports.example/",
        "https://reports.example\\@evil.example/",
        "https://evil.example\\@reports.example/",
        "https://reports.example\n/",
        "https://reports.example\x00/",
        "https://reports%2eexample/",
        "https://\uff52eports.example/",
        "https://reports\u3002example/",
        "https://REPORT\u017f.example/",
        "//reports.example/",
        "https:reports.example/",
        "https:/reports.example/",
        "https:///reports.example/",
        "wss://reports.example/",
        "blob:https://reports.example/",
        " https://reports.example/",
        "https://reports.example:/",
        "https://reports.example:443x/",
        "",
    ],
)
def test_another_url_does_not_get_the_token(url: str) -> None:
    with pytest.raises(ValueError, match=rf"^the URL must have one of the origins of this ExchangeAuth \({ORIGIN}\)"):
        Origins([ORIGIN]).check(url)

    assert not Origins([ORIGIN]).has(url)


def test_the_error_has_the_origin_of_the_url_but_no_path_and_no_password() -> None:
    with pytest.raises(ValueError, match=r"got https://evil\.example: the token is sent nowhere else") as raised:
        Origins([ORIGIN]).check("https://evil.example/path?key=hunter2")
    with pytest.raises(ValueError, match="got one with plain HTTP, a user, or a host") as other:
        Origins([ORIGIN]).check("https://alice:hunter2@reports.example/")

    assert "path" not in str(raised.value)
    assert "hunter2" not in f"{raised.value}{other.value}"


def test_there_may_be_several_origins() -> None:
    origins = Origins(iter([ORIGIN, "https://Orders.example:8443"]))

    assert origins.has("https://orders.example:8443/x")
    assert not origins.has("https://orders.example/x")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    assert find_origin(f"http://{host}:5000/a") == f"http://{host}:5000"
    assert Origins([f"http://{host}:5000"]).has(f"http://{host}:5000/a")


@pytest.mark.parametrize("host", ["reports.example", "10.0.0.1", "128.0.0.1", "localhost.example", "[::2]", "0.0.0.0"])
def test_plain_http_is_for_no_other_machine(host: str) -> None:
    with pytest.raises(ValueError, match="use https://"):
        Origins([f"http://{host}:5000"])


@pytest.mark.parametrize("port", ["", ":80"])
def test_plain_http_has_another_port_than_80_since_clients_send_the_token_on_from_there(port: str) -> None:
    with pytest.raises(ValueError, match=r"^an origin with http:// must have another port than 80"):
        Origins([f"http://localhost{port}"])
    assert Origins(["http://localhost:81", "https://localhost:80"]).has("http://localhost:81/")


@pytest.mark.parametrize(
    "url",
    [
        f"{ORIGIN}/api",
        f"{ORIGIN}?a",
        f"{ORIGIN}#a",
        "https://alice:hunter2@reports.example",
        "https://reports.example.",
        "https://bücher.example",
        "https://*.example",
        "reports.example",
        "https://127.1",
        "https://[::1",
        "",
    ],
)
def test_an_origin_has_a_scheme_a_host_and_perhaps_a_port(url: str) -> None:
    with pytest.raises(ValueError, match=r"^an origin must be a scheme, a host") as raised:
        Origins([url])

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("origins", "error"), [(ORIGIN, TypeError), (None, TypeError), ([None], TypeError), ([], ValueError)]
)
def test_origins_are_a_list_of_strings(origins: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^(origins|an origin) must"):
        Origins(origins)
