"""Only plain URLs are read, since parsers differ in how they read the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_tokenauth.core.fetching.addresses import Reach
from flask_tokenauth.core.fetching.failures import FetchFailed
from flask_tokenauth.core.fetching.urls import MAX_LENGTH, Target, parse_url

INTERNET = Reach()
HERE = Reach(loopback=True)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://a.example", Target("https", "a.example", 443, "/", "")),
        ("https://a.example/", Target("https", "a.example", 443, "/", "")),
        ("HTTPS://A.Example/Keys", Target("https", "a.example", 443, "/Keys", "")),
        ("https://a.example:8443/a/b.json", Target("https", "a.example", 8443, "/a/b.json", "")),
        ("https://a.example:1/", Target("https", "a.example", 1, "/", "")),
        ("https://a.example:65535/", Target("https", "a.example", 65535, "/", "")),
        ("https://a.example:00443/", Target("https", "a.example", 443, "/", "")),
        ("https://a.example?b=c", Target("https", "a.example", 443, "/", "?b=c")),
        ("https://a.example/b?p=b2c_1&q=/?@:", Target("https", "a.example", 443, "/b", "?p=b2c_1&q=/?@:")),
        ("https://a.example/@b/%7Ec;d,e", Target("https", "a.example", 443, "/@b/%7Ec;d,e", "")),
        ("https://my_issuer/", Target("https", "my_issuer", 443, "/", "")),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/", "")),
        ("https://8.8.8.8/", Target("https", "8.8.8.8", 443, "/", "")),
        ("https://[2606:4700::1111]:444/", Target("https", "2606:4700::1111", 444, "/", "")),
        ("https://[::FFFF:8.8.8.8]/", Target("https", "::ffff:8.8.8.8", 443, "/", "")),
        ("https://1password.example/", Target("https", "1password.example", 443, "/", "")),
    ],
)
def test_a_plain_url_has_parts(url: str, target: Target) -> None:
    assert parse_url(url, reach=INTERNET) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https:",
        "https://",
        "https:///keys",
        "https://:443/",
        "https:a.example",
        "https:/a.example",
        "//a.example/",
        "a.example",
        "ftp://a.example/",
        "file:///etc/passwd",
        "gopher://a.example/",
        "data:application/json,{}",
        "javascript:https://a.example/",
        "https+http://a.example/",
        " https://a.example/",
        "https://a.example/ ",
        "https://a.example/\n",
        "https://a.example/a b",
        "https://a.example/a\tb",
        "https://a.example/a\r\nHost: b.example",
        "https://a.example/\x00",
        "https://a.example/\x7f",
        "https://a.example/%",
        "https://a.example/%0",
        "https://a.example/%zz",
        "https://a.example/ü",
        "https://a.example/<b>",
        "https://a.example/#b",
        "https://a.example#b",
        "https://a.example/?b#c",
        "https://b@a.example/",
        "https://b:c@a.example/",
        "https://@a.example/",
        "https://good.example:443@bad.example/",
        "https://good.example#@bad.example/",
        "https://good.example?@bad.example#/",
        r"https://127.0.0.1\@good.example/",
        r"https://good.example\@127.0.0.1/",
        r"https://good.example\.bad.example/",
        r"https:\\good.example\\",
        "https://a.example:/",
        "https://a.example:0/",
        "https://a.example:00000/",
        "https://a.example:65536/",
        "https://a.example:99999/",
        "https://a.example:000443/",
        "https://a.example:-1/",
        "https://a.example:+443/",
        "https://a.example:4\uff143/",
        "https://a.example:443:80/",
        "https://a.example./",
        "https://.a.example/",
        "https://a..example/",
        "https://./",
        "https://a%2eexample/",
        "https://a!b/",
        "https://*.example/",
        "https://bücher.example/",
        "https://\u212aeys.example/",  # the sign for kelvin, in lower case a k
        "http\u017f://a.example/",  # a long s
        "https://0\u212a/",
        "https://①②⑦.0.0.1/",
        "https://127。0。0。1/",
        "https://a\uff0eexample/",
        "https://\uff41.example/",
        "https://a\u00ad.example/",
        "https://a\u200b.example/",
        "https://127.1/",
        "https://127.0.1/",
        "https://127.0.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.01/",
        "https://0x7f.1/",
        "https://0x7f.0x1/",
        "https://0X7F000001/",
        "https://0x/",
        "https://a.0x/",
        "https://a.0x7f/",
        "https://2130706433/",
        "https://017700000001/",
        "https://256.0.0.1/",
        "https://1.2.3.4.5/",
        "https://a.example.1/",
        "https://0/",
        "https://127.0.0.1./",
        "https://::1/",
        "https://[::1/",
        "https://::1]/",
        "https://[::1%25lo]/",
        "https://[::1%lo]/",
        "https://[fe80::1%25eth0]/",
        "https://[127.0.0.1]/",
        "https://[::1]a.example/",
        "https://[::1].a.example/",
        "https://[v1.a]/",
        "https://[]/",
        "https://[1::2::3]/",
        "https://[::ffff:127.0.0.01]/",
    ],
)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(FetchFailed, match="the URL must be https://HOST:PORT/PATH"):
        parse_url(url, reach=HERE)


def test_a_url_that_is_refused_is_not_repeated() -> None:
    with pytest.raises(FetchFailed) as caught:
        parse_url("https://alice:hunter2@a.example/?token=hunter2", reach=HERE)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("extra", "accepted"), [(-1, True), (0, True), (1, False)])
def test_a_url_has_a_longest_length(extra: int, accepted: bool) -> None:  # noqa: FBT001
    url = "https://a.example/".ljust(MAX_LENGTH + extra, "b")

    if accepted:
        assert parse_url(url, reach=INTERNET).host == "a.example"
    else:
        with pytest.raises(FetchFailed, match="at most 2048 ASCII characters"):
            parse_url(url, reach=INTERNET)


@pytest.mark.parametrize("label", ["a" * 62, "a" * 63])
def test_a_label_may_have_63_characters(label: str) -> None:
    assert parse_url(f"https://{label}.example/", reach=INTERNET).host == f"{label}.example"


def test_a_label_must_not_have_64_characters() -> None:
    with pytest.raises(FetchFailed):
        parse_url(f"https://{'a' * 64}.example/", reach=INTERNET)


@pytest.mark.parametrize("length", [252, 253])
def test_a_name_may_have_253_characters(length: int) -> None:
    name = ("a." * 127)[: length - 1] + "b"

    assert len(parse_url(f"https://{name}/", reach=INTERNET).host) == length


def test_a_name_must_not_have_254_characters() -> None:
    with pytest.raises(FetchFailed):
        parse_url(f"https://{'a.' * 126}bb/", reach=INTERNET)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    target = parse_url(f"http://{host}/keys", reach=HERE)

    assert (target.scheme, target.port) == ("http", 80)


@pytest.mark.parametrize("host", ["a.example", "a.localhost", "10.0.0.1", "8.8.8.8", "[::ffff:127.0.0.1]", "[::2]"])
def test_plain_http_is_not_for_other_hosts(host: str) -> None:
    with pytest.raises(FetchFailed, match=r"must be https://, got http://.* only for the loopback of this machine"):
        parse_url(f"http://{host}/keys", reach=Reach(loopback=True, private=True))


def test_plain_http_needs_leave() -> None:
    with pytest.raises(
        FetchFailed, match=r"the host localhost: use https://\. Plain HTTP is only for development, with an"
    ):
        parse_url("http://localhost/keys", reach=Reach(private=True))


@pytest.mark.parametrize(
    ("url", "authority", "origin"),
    [
        ("https://a.example/b", "a.example", "https://a.example"),
        ("https://a.example:443/b", "a.example", "https://a.example"),
        ("https://a.example:80/b", "a.example:80", "https://a.example:80"),
        ("http://localhost:80/b", "localhost", "http://localhost"),
        ("http://localhost:443/b", "localhost:443", "http://localhost:443"),
        ("https://[::1]/b", "[::1]", "https://[::1]"),
        ("https://[::1]:444/b", "[::1]:444", "https://[::1]:444"),
    ],
)
def test_the_authority_has_brackets_and_a_port_where_they_are_needed(url: str, authority: str, origin: str) -> None:
    target = parse_url(url, reach=HERE)

    assert (target.authority, target.origin) == (authority, origin)


@given(st.text(st.sampled_from("aA0x7f.:/\\@#?%[]&-_ \t\n①。é1"), max_size=30))
def test_each_host_is_plain_whatever_the_url(rest: str) -> None:
    try:
        target = parse_url("https://" + rest, reach=HERE)
    except FetchFailed:
        return
    assert rest.lower().startswith((target.host, f"[{target.host}]"))
    assert target.host.isascii()
    assert not set("/\\@#?% \t\n") & set(target.host)
