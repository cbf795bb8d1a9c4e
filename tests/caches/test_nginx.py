"""A real nginx with ``proxy_cache`` before the application: it gives no caller the answer for another one."""

import grp
import os
import pwd
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import permutations
from pathlib import Path

import pytest

from flask_tokenauth.authentication.cookies import TokenCookies
from flask_tokenauth.authentication.csrf import OriginCheck
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import ISSUER, NOW, Mint
from ..guards.kinds_kit import HEADER
from .kit import GUARDED, OPEN, PATIENCE, USERS, body_for, headers_of, make_app, make_keys, serving

NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))

# TOKENAUTH_NGINX=1 makes it a failure if nginx is missing.
needs_nginx = pytest.mark.skipif(
    NGINX is None and not os.environ.get("TOKENAUTH_NGINX"), reason="there is no nginx here"
)

CONF = """
daemon off;
user {user} {group};
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  fastcgi_temp_path {folder}/fastcgi;
  proxy_temp_path {folder}/proxy;
  scgi_temp_path {folder}/scgi;
  uwsgi_temp_path {folder}/uwsgi;
  proxy_cache_path {folder}/cache keys_zone=answers:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_cache answers;
      proxy_cache_revalidate on;
      {more}
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""
KEEP_ALL = "proxy_cache_valid any 1h;"  # answers without Cache-Control too, and errors


@dataclass
class Answer:
    """An answer of nginx. *cached* is its own word: MISS, HIT, REVALIDATED, or None if the answer is not for caches."""

    status: int
    body: str
    cached: str | None
    etag: str | None


@dataclass
class Proxy:
    """A running nginx."""

    port: int

    def get(self, path: str, headers: dict[str, str]) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return Answer(response.status, body, response.headers["X-Cache"], response.headers["ETag"])


def write_conf(folder: Path, port: int, upstream: int, more: str) -> Path:
    """Write the configuration of nginx, and return its path. nginx runs as the user that runs the tests."""
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    conf = folder / "nginx.conf"
    conf.write_text(CONF.format(folder=folder, port=port, upstream=upstream, more=more, user=user, group=group))
    return conf


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(clock=lambda: int(NOW * 1000))


@pytest.fixture(params=["", KEEP_ALL], ids=["by the headers", "keep all"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path, store: MemoryStore) -> Iterator[Proxy]:
    """An nginx with an empty cache. It gets a listening socket, so that it needs no time to be ready."""
    files = tmp_path / "files"
    files.mkdir()
    with serving(make_app(files, store, TOKENAUTH_COOKIES="all")) as upstream:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            conf = write_conf(tmp_path, port, upstream, request.param)
            command = [str(NGINX), "-p", str(tmp_path), "-c", str(conf), "-e", "stderr"]
            environ = os.environ | {"NGINX": f"{listening.fileno()};"}
            process = subprocess.Popen(command, pass_fds=[listening.fileno()], env=environ, stderr=subprocess.DEVNULL)
        try:
            yield Proxy(port)
        finally:
            process.terminate()
            process.wait(PATIENCE)


@needs_nginx
@pytest.mark.slow
@pytest.mark.parametrize("users", list(permutations(USERS)), ids=str)
def test_no_caller_gets_the_answer_for_another(proxy: Proxy, mint: Mint, users: tuple[str | None, ...]) -> None:
    for path in [*GUARDED, *OPEN]:
        for user in users * 2:
            answer = proxy.get(path, headers_of(user, mint))
            expected = body_for(user, path)
            assert (answer.status, answer.body if expected else None) == (200 if expected else 401, expected)


@needs_nginx
@pytest.mark.slow
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_no_caller_gets_the_answer_for_another_api_key(proxy: Proxy, store: MemoryStore, order: int) -> None:
    keys = list(make_keys(store).items())
    callers = [*keys[order:], *keys[:order]]
    for path in [*GUARDED, *OPEN]:
        for name, headers in callers * 2:
            answer = proxy.get(path, headers)
            user = None if name == "nobody" or path == "/looks-at-the-token" else name.partition(" ")[0]
            expected = body_for(user, path)
            assert (answer.status, answer.body if expected else None) == (200 if expected else 401, expected)
            assert answer.cached != "HIT" or HEADER not in headers


@needs_nginx
@pytest.mark.slow
@pytest.mark.parametrize("users", list(permutations(USERS)), ids=str)
def test_no_caller_gets_the_answer_for_another_cookie(proxy: Proxy, mint: Mint, users: tuple[str | None, ...]) -> None:
    name = TokenCookies(ISSUER, has_access=True, same_site="Lax", origins=OriginCheck(None)).access
    for path in [*GUARDED, *OPEN]:
        for user in users * 2:
            answer = proxy.get(path, {} if user is None else {"Cookie": f"theme=dark; {name}={mint(sub=user)}"})
            expected = body_for(user, path)
            assert (answer.status, answer.body if expected else None) == (200 if expected else 401, expected)
            assert user is None or answer.cached != "HIT"


@needs_nginx
@pytest.mark.slow
def test_nginx_keeps_no_answer_of_a_guarded_view_that_has_cache_control(proxy: Proxy, mint: Mint) -> None:
    paths = [path for path in GUARDED if path != "/plain"]

    cached = Counter(proxy.get(path, headers_of("alice", mint)).cached for path in paths * 2)

    assert set(cached) == {"MISS"}


@needs_nginx
@pytest.mark.slow
@pytest.mark.parametrize("path", OPEN)
def test_nginx_keeps_the_answer_of_an_open_view_for_each_caller(proxy: Proxy, mint: Mint, path: str) -> None:
    cached = [proxy.get(path, headers_of(user, mint)).cached for user in USERS * 2]

    assert cached == ["MISS"] * 3 + ["HIT"] * 3


@needs_nginx
@pytest.mark.slow
def test_nginx_gives_a_shareable_answer_to_everybody_who_asks(proxy: Proxy, mint: Mint) -> None:
    answers = [proxy.get("/shareable", headers_of(user, mint)) for user in USERS]

    assert [(answer.body.strip(), answer.cached) for answer in answers] == [("0", "MISS"), ("0", "HIT"), ("0", "HIT")]


@needs_nginx
@pytest.mark.slow
@pytest.mark.parametrize("path", ["/shareable", "/public", "/optional"])
def test_nginx_keeps_no_refusal(proxy: Proxy, mint: Mint, path: str) -> None:
    refused = [proxy.get(path, {"Authorization": "Bearer x.y.z"}) for _ in range(2)]

    assert [(answer.status, answer.cached) for answer in refused] == [(401, "MISS")] * 2
    assert proxy.get(path, headers_of("alice", mint)).status == 200
    assert proxy.get(path, {"Authorization": "Bearer x.y.z"}).status == (200 if path == "/shareable" else 401)


@needs_nginx
@pytest.mark.slow
def test_nginx_keeps_no_403(proxy: Proxy, mint: Mint) -> None:
    answers = [proxy.get("/scope", headers_of("alice", mint)) for _ in range(2)]

    assert [(answer.status, answer.cached) for answer in answers] == [(403, "MISS")] * 2


@needs_nginx
@pytest.mark.slow
@pytest.mark.parametrize("path", OPEN)
def test_nginx_answers_304_only_to_the_caller_who_has_the_content(proxy: Proxy, mint: Mint, path: str) -> None:
    etag = {"If-None-Match": str(proxy.get(path, headers_of("alice", mint)).etag)}

    answers = [proxy.get(path, headers_of(user, mint) | etag) for user in USERS]

    assert [(answer.status, answer.body) for answer in answers] == [(304, ""), (200, "of bob"), (200, "of None")]


@needs_nginx
@pytest.mark.slow
@pytest.mark.parametrize("path", ["/file", "/etag"])
def test_the_etag_of_another_user_brings_no_304(proxy: Proxy, mint: Mint, path: str) -> None:
    etag = {"If-None-Match": str(proxy.get(path, headers_of("alice", mint)).etag)}

    answers = [proxy.get(path, headers_of(user, mint) | etag) for user in ("bob", None)]

    assert [answer.status for answer in answers] == [200, 401]
    assert answers[0].body == "of bob"


def test_the_configuration_names_only_this_machine_and_one_folder(tmp_path: Path) -> None:
    conf = write_conf(tmp_path, 1, 2, KEEP_ALL).read_text()

    assert (conf.count("127.0.0.1:1;"), conf.count("http://127.0.0.1:2;"), conf.count(str(tmp_path))) == (1, 1, 7)
