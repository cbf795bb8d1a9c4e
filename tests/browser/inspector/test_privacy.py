"""The page sends nothing and keeps nothing. The fixtures check the same at the end of every test."""

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from flask_tokenauth.commands.inspector.page import make_page
from flask_tokenauth.core import Key
from flask_tokenauth.core.tokens import jws

from ..kit import SKIPPED
from .conftest import Inspector, Open, unsigned

pytestmark = SKIPPED

WAYS_OUT = {
    "fetch": "(url) => fetch(url, {mode: 'no-cors'}).then(() => 'sent', () => 'refused')",
    "XMLHttpRequest": """(url) => new Promise((resolve) => {
        const request = new XMLHttpRequest();
        request.onload = () => resolve("sent");
        request.onerror = () => resolve("refused");
        request.open("GET", url);
        request.send();
    })""",
    "image": """(url) => new Promise((resolve) => {
        const image = new Image();
        image.onload = () => resolve("sent");
        image.onerror = () => resolve("refused");
        image.src = url;
    })""",
    "form": """async (url) => {
        const refused = new Promise((resolve) => document.addEventListener("securitypolicyviolation", resolve));
        const form = document.createElement("form");
        form.action = url;
        document.body.append(form);
        form.submit();
        await refused;
        return "refused";
    }""",
    "WebSocket": """(url) => new Promise((resolve) => {
        try {
            const socket = new WebSocket(url.replace("http", "ws"));
            socket.onerror = () => resolve("refused");
        } catch { resolve("refused"); }
    })""",
    "frame": """async (url) => {
        const refused = new Promise((resolve) => document.addEventListener("securitypolicyviolation", resolve));
        const frame = document.createElement("iframe");
        frame.src = url;
        document.body.append(frame);
        await refused;
        return "refused";
    }""",
}


@pytest.fixture
def server() -> Iterator[Any]:
    """A server of the page that writes down every path which is asked for."""
    paths: list[str] = []

    @Request.application
    def app(request: Request) -> Response:
        paths.append(request.path)
        return Response(make_page(), mimetype="text/html")

    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = False  # type: ignore[attr-defined]  # server_close() then waits for open requests
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_urls_in_a_token_are_not_followed(fresh: Inspector, server: Any) -> None:
    url, paths = server
    header = {"alg": "ES256", "typ": "at+jwt", "jku": f"{url}/jku", "x5u": f"{url}/x5u", "kid": f"{url}/kid"}

    fresh.show(unsigned({"iss": url, "picture": f"{url}/picture"}, header), Key.generate("ES256").to_jwk())

    assert fresh.signature()[0] == "Not verified"
    assert paths == []
    assert fresh.requests == [fresh.address]


@pytest.mark.parametrize("way", WAYS_OUT)
def test_the_policy_refuses_every_way_out(browser: Any, server: Any, way: str) -> None:
    """Even if the script had a fault through which an attacker's code could run."""
    url, paths = server
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)

    assert page.evaluate(WAYS_OUT[way], f"{url}/out") == "refused"

    context.close()
    assert "/out" not in paths


def test_strings_do_not_become_code_or_html(open_page: Open) -> None:
    inspector = open_page()
    inspector.page.goto(inspector.address)

    refused = inspector.page.evaluate(
        """() => ["document.body.innerHTML = '<b>x</b>'", "document.write('x')"].map((code) => {
            try {
                if (code.includes("write")) document.write("x"); else document.body.innerHTML = "<b>x</b>";
                return "done";
            } catch (error) { return error.name; }
        })"""
    )

    assert refused == ["TypeError", "TypeError"]
    assert set(inspector.page.evaluate("violations")) == {"require-trusted-types-for"}
    inspector.page.context.close()


def test_nothing_is_stored(fresh: Inspector) -> None:
    key = Key.generate("HS256")

    fresh.show(jws.sign(b'{"sub":"alice"}', key), key.to_jwk(private=True))

    assert fresh.page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    assert fresh.page.evaluate("indexedDB.databases()") == []
    assert fresh.page.context.cookies() == []
    assert fresh.page.url == fresh.address


def test_a_reload_forgets_what_was_pasted(fresh: Inspector) -> None:
    fresh.show(unsigned({"sub": "alice"}), "some key")

    fresh.page.reload()

    assert [fresh.page.input_value(field) for field in ("#token", "#key")] == ["", ""]


def test_a_token_in_the_address_is_not_read(fresh: Inspector) -> None:
    """Addresses stay in the history of the browser."""
    address = f"{fresh.address}?token={unsigned({'sub': 'alice'})}#{unsigned({'sub': 'alice'})}"
    fresh.page.goto("about:blank")

    fresh.page.goto(address)

    assert fresh.page.inner_text("#result") == ""
    fresh.requests[:] = [fresh.address]


def test_a_page_that_is_served_works_too(browser: Any, server: Any) -> None:
    url, paths = server
    key = Key.generate("EdDSA")
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)

    inspector = Inspector(page, url)
    inspector.show(jws.sign(b"{}", key), key.to_jwk())

    assert inspector.signature()[0] == "Verified"
    context.close()
    assert set(paths) <= {"/", "/favicon.ico"}
