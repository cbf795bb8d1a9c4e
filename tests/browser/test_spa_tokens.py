"""An injected script in ``examples/spa`` gets no token, in any way to ask, and after a logout all are dead.

The script runs in a browser that ignores the Content-Security-Policy of the page: the cookies protect even without it.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Response

from flask_tokenauth import public

from ..leaks import find_leak
from .https_kit import Certificate
from .kit import PATIENCE, SKIPPED
from .spa_kit import Spa, click, fill_form, find_cookies, named_cookies, notes, serve_spa, wait_for, write

pytestmark = SKIPPED

# Ask in all ways that fetch has, and return all that a script sees of the answers.
ASK = """
async function ask() {
  const form = new URLSearchParams({grant_type: "refresh_token"}), json = {"Content-Type": "application/json"}
  const multipart = new FormData()
  multipart.set("grant_type", "refresh_token")
  const ways = {
    "no body": {},
    "form": {body: form},
    "form, scope": {body: new URLSearchParams({grant_type: "refresh_token", scope: ""})},
    "form, other scope": {body: new URLSearchParams({scope: "admin"})},
    "form, empty token": {body: new URLSearchParams({refresh_token: ""})},
    "form, token": {body: new URLSearchParams({grant_type: "refresh_token", refresh_token: "rt1_x"})},
    "multipart": {body: multipart},
    "JSON": {body: JSON.stringify({grant_type: "refresh_token"}), headers: json},
    "JSON, token": {body: JSON.stringify({grant_type: "refresh_token", refresh_token: null}), headers: json},
    "JSON, list": {body: "[]", headers: json},
    "blob": {body: new Blob(["x"])},
    "Authorization": {headers: {Authorization: "Bearer x"}},
    "Authorization, Basic": {headers: {Authorization: "Basic eDp5"}},
    "API key": {headers: {"X-API-Key": "x"}},
    "override": {headers: {"X-HTTP-Method-Override": "GET", "X-Requested-With": "XMLHttpRequest"}},
    "forwarded": {headers: {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}},
    "accept": {headers: {Accept: "text/html", "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example"}},
    "keepalive": {keepalive: true},
    "omit": {credentials: "omit"},
    "include": {credentials: "include"},
    "no-cors": {mode: "no-cors"},
    "manual": {redirect: "manual", cache: "reload", referrerPolicy: "no-referrer"},
    "GET": {method: "GET"},
    "HEAD": {method: "HEAD"},
    "OPTIONS": {method: "OPTIONS"},
    "PUT": {method: "PUT"},
    "query": {path: "/auth/refresh?cookies=false&grant_type=refresh_token"},
    "slash": {path: "/auth/refresh/"},
    "slashes": {path: "/auth//refresh"},
    "logout, GET": {path: "/auth/logout", method: "GET"},
    "sessions": {path: "/auth/sessions", method: "GET"},
    "introspect": {path: "/auth/introspect", body: new URLSearchParams({token: "x"})},
    "revoke": {path: "/auth/revoke", body: new URLSearchParams({token: "x"})},
    "API key, new": {path: "/auth/api-keys", body: new URLSearchParams({name: "x"})},
    "sign in": {path: "/sign-in", body: new URLSearchParams({username: "alice", password: "x"})},
    "me": {path: "/me", method: "GET"},
    "page": {path: "/", method: "GET"},
    "print": {path: "/print", method: "GET"},
  }
  const seen = {}
  for (const [name, {path = "/auth/refresh", ...options}] of Object.entries(ways)) {
    const answer = await fetch(path, {method: "POST", ...options})
    const body = await answer.clone().text() + await answer.blob().then(blob => blob.type)
    seen[name] = [answer.status, body, answer.url, JSON.stringify([...answer.headers])]
  }
  return seen
}
"""

IN_PAGE = f"""async () => {{
  {ASK}
  const seen = {{...await ask()}}
  const sent = new XMLHttpRequest()
  await new Promise(done => {{ sent.onload = done; sent.open("POST", "/auth/refresh"); sent.send() }})
  seen.xhr = [sent.status, sent.responseText, sent.responseURL, sent.getAllResponseHeaders()]

  const popup = open("about:blank", "popup")
  const form = document.createElement("form")
  Object.assign(form, {{method: "post", action: "/auth/refresh", target: "popup"}})
  document.body.append(form)
  form.submit()
  await new Promise(done => {{
    const look = () => popup.location.pathname === "/auth/refresh" && popup.document.body?.innerText ? done()
      : setTimeout(look, 10)
    look()
  }})
  seen.popup = [200, popup.document.documentElement.outerHTML, popup.document.cookie]
  popup.close()
  form.remove()
  return seen
}}"""

IN_WORKER = """async () => {
  const worker = new Worker("/injected.js")
  const seen = await new Promise(done => { worker.onmessage = event => done(event.data); worker.postMessage(0) })
  worker.terminate()
  return seen
}"""

IN_SERVICE_WORKER = """async () => {
  const registration = await navigator.serviceWorker.register("/injected.js", {scope: "/"})
  await navigator.serviceWorker.ready
  const channel = new MessageChannel()
  const seen = await new Promise(done => {
    channel.port1.onmessage = event => done(event.data)
    registration.active.postMessage(0, [channel.port2])
  })
  if (!navigator.serviceWorker.controller) await new Promise(done => {
    navigator.serviceWorker.addEventListener("controllerchange", done)
  })
  await fetch("/auth/refresh", {method: "POST"})  // goes through the service worker
  await fetch("/me")
  seen.intercepted = await (await fetch("/intercepted")).json()
  await registration.unregister()
  return seen
}"""

INJECTED = f"""
{ASK}
onmessage = event => ask().then(seen => (event.ports[0] ?? self).postMessage(seen))
const intercepted = []
if (self.registration) {{
  oninstall = () => skipWaiting()
  onactivate = event => event.waitUntil(clients.claim())
  onfetch = event => event.respondWith((async () => {{
    if (new URL(event.request.url).pathname === "/intercepted") return Response.json(intercepted)
    const asked = JSON.stringify([...event.request.headers])
    const answer = await fetch(event.request)
    intercepted.push([answer.status, await answer.clone().text(), asked, JSON.stringify([...answer.headers])])
    return answer
  }})())
}}
"""

STORED = """async () => [
  document.cookie, JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage}),
  JSON.stringify(await indexedDB.databases()), JSON.stringify(await caches.keys()),
  JSON.stringify(await cookieStore.getAll()), JSON.stringify(performance.getEntries()), window.name,
  JSON.stringify(history.state), location.href, document.referrer, document.documentElement.outerHTML,
]"""


class Watch:
    """All that scripts could read, and all values that the cookies had."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.read: list[str] = []
        self.secret: set[str] = set()
        self.answers = 0
        self._finished: list[Any] = []
        context.on("requestfinished", self._note)

    def _note(self, request: Any) -> None:
        self._finished.append(request)

    def note_cookies(self) -> dict[str, str]:
        """Remember the values that the cookies have now."""
        cookies = find_cookies(self.context)
        self.secret.update(cookies.values())
        return cookies

    def look(self, page: Any) -> None:
        """Read all answers since the last look, and all that the browser stores. Look before the page is left."""
        from playwright.sync_api import Error  # noqa: PLC0415  # playwright may be missing

        self.note_cookies()
        while self._finished:
            request = self._finished.pop()
            with suppress(Error):  # a redirect has no body, and a window that is closed has no answer
                answer = request.response()
                if request.service_worker or answer.from_service_worker:
                    continue  # Playwright waits for these bodies for ever; the service worker has returned them
                self.read.append(answer.body().decode(errors="replace"))
                self.answers += 1
        self.read += page.evaluate(STORED)

    def check(self) -> None:
        """Check that there is no token in anything that scripts could read."""
        assert self.secret
        for seen in self.read:
            assert find_leak(seen) is None
            assert not any(sign in seen for sign in ("eyJ", "rt1_", "tr_", *self.secret))


@pytest.fixture
def spa(tmp_path: Path, certificate: Certificate) -> Iterator[Spa]:
    with serve_spa(tmp_path, certificate) as spa:

        @spa.app.get("/injected.js")
        @public
        def injected() -> Response:
            return Response(INJECTED, mimetype="text/javascript")

        yield spa


@pytest.fixture
def unprotected(chromium: Any) -> Iterator[Any]:
    """A browser that ignores the policy of the page, so that scripts can be injected."""
    context = chromium.new_context(bypass_csp=True)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.mark.parametrize("script", [IN_PAGE, IN_WORKER, IN_SERVICE_WORKER], ids=["page", "worker", "service-worker"])
def test_an_injected_script_gets_no_token_in_whatever_way_it_asks(spa: Spa, unprotected: Any, script: str) -> None:
    page = spa.sign_in(unprotected)
    watch = Watch(unprotected)
    first = watch.note_cookies()

    seen = page.evaluate(script)
    watch.look(page)

    watch.read += [json.dumps(answer) for answer in seen.values()]
    watch.check()
    statuses = {name: answer[0] for name, answer in seen.items()}
    assert statuses["no body"] == statuses["form"] == statuses["include"] == 200
    assert statuses["omit"] == statuses["form, token"] == statuses["Authorization"] == 400
    assert find_cookies(unprotected)["refresh"] != first["refresh"]
    click(page, "#look", says="You are signed in on 1 device.")


def test_a_whole_session_shows_no_token_to_scripts_and_after_the_logout_both_cookies_are_dead(
    spa: Spa, context: Any
) -> None:
    watch = Watch(context)
    page = spa.sign_in(context)
    watch.look(page)
    write(page, "Follow the rabbit")
    page.evaluate("async () => (await import('/static/session.js')).refresh()")
    cookies, named = watch.note_cookies(), named_cookies(context)
    watch.look(page)
    page.reload()
    wait_for(page, "Hello alice.")
    click(page, "#look", says="You are signed in on 1 device.")
    watch.look(page)
    [access, refresh] = [{name: named[name]} for name in sorted(named)]
    assert list(cookies.values()) == [access[next(iter(access))], refresh[next(iter(refresh))]]
    assert spa.ask(access, "GET", "/me").json() == {"user": "alice", "warnings": []}

    click(page, "#sign-out", says="You are signed out.")

    watch.look(page)
    assert context.cookies() == []
    assert page.evaluate("({...localStorage})") == {}
    assert spa.ask(access, "GET", "/me").status_code == 401
    assert spa.ask(refresh).json()["error"] == "invalid_grant"
    assert spa.ask(named).status_code == 400
    watch.check()
    assert watch.answers > 20
    assert spa.complaints == []


def test_the_other_mode_keeps_the_access_token_in_a_variable_alone(
    tmp_path: Path, certificate: Certificate, chromium: Any
) -> None:
    with serve_spa(tmp_path, certificate, cookies="refresh") as spa:
        context = chromium.new_context()
        watch = Watch(context)
        page = spa.sign_in(context)
        write(page, "Follow the rabbit")
        assert find_cookies(context).keys() == {"refresh"}
        watch.look(page)
        page.reload()
        wait_for(page, "Hello alice. You have 1 note,")

        assert notes(page) == ["Follow the rabbit"]
        assert spa.gate.statuses == ["200"]
        assert not page.is_visible("#print")
        assert find_cookies(context).keys() == {"refresh"}
        for stored in page.evaluate(STORED):
            assert find_leak(stored) is None
            assert not any(sign in stored for sign in ("eyJ", "rt1_", *find_cookies(context).values()))
        other = spa.open(context)
        wait_for(other, "Hello alice.")
        click(page, "#look", says="You are signed in on 1 device.")
        click(page, "#sign-out", says="You are signed out.")
        assert context.cookies() == []
        wait_for(other, "You are signed out")
        fill_form(other, "bob")
        wait_for(page, "Hello bob.")
        assert spa.complaints == []
        watch.look(page)
        with pytest.raises(AssertionError):  # in this mode the answers have the access token: the search finds it
            watch.check()
        context.close()
