"""An application that other sites attack. It notes what browsers send, and what was done in the name of a user."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from threading import Condition
from typing import Any

import flask_socketio  # type: ignore[import-untyped]  # has no types
from flask import Flask, Response, g, redirect, request
from flask_sock import Sock  # type: ignore[import-untyped]  # has no types

from flask_tokenauth import TokenAuth, login_optional, login_required, token_response
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.records.session import Session
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import SECRET
from .attackers import write_page

_SECONDS = 60  # the machine may be busy


@dataclass
class Sent:
    """A request as it came.

    Attributes:
        method: of the request.
        path: of the request.
        site: the header ``Sec-Fetch-Site``, or None.
        origin: the header ``Origin``, or None.
        cookies: those of the cookies with tokens that came, in any order: "access", "refresh".
        raw: the header ``Cookie``.
        way: the way in which it was sent, as its query names it.
        status: of the answer; 0 while there is none.
    """

    method: str
    path: str
    site: str | None
    origin: str | None
    cookies: frozenset[str]
    raw: str
    way: str
    status: int = field(default=0)


class Recorder:
    """A WSGI application around another one, which notes all requests."""

    def __init__(self, app: Callable[..., Iterable[bytes]], names: dict[str, str]) -> None:
        self.sent: list[Sent] = []
        self._app = app
        self._names = names
        self._changed = Condition()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raw = environ.get("HTTP_COOKIE", "")
        cookies = frozenset(kind for kind, name in self._names.items() if f"{name}=" in raw)
        site, origin = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN")
        way = environ["QUERY_STRING"].removeprefix("way=")
        sent = Sent(environ["REQUEST_METHOD"], environ["PATH_INFO"], site, origin, cookies, raw, way)
        with self._changed:
            self.sent.append(sent)
            self._changed.notify_all()

        def start(status: str, *args: Any) -> Any:
            with self._changed:
                sent.status = int(status[:3])
                self._changed.notify_all()
            return start_response(status, *args)

        return self._app(environ, start)

    def wait_for(self, method: str, path: str, count: int = 1) -> Sent:
        """Wait until such requests have been answered, and return the last one.

        Args:
            method: of the request.
            path: of the request.
            count: the number of such requests.
        """

        def find() -> list[Sent]:
            return [sent for sent in self.sent if (sent.method, sent.path) == (method, path) and sent.status]

        with self._changed:
            assert self._changed.wait_for(lambda: len(find()) >= count, _SECONDS), f"{method} {path}: {self.sent}"
            found = find()
        assert len(found) == count
        return found[-1]

    def wait_for_all(self, method: str, path: str, ways: Collection[str]) -> dict[str, Sent]:
        """Wait until one request of each way has been answered, and return them by their ways."""
        self.wait_for(method, path, count=len(ways))
        return {sent.way: sent for sent in self.sent if (sent.method, sent.path) == (method, path)}


class Victim:
    """The application with cookies.

    Attributes:
        app: the application of Flask.
        wsgi: notes the requests; serve this.
        changes: the number of changes by user; "nobody" is an anonymous request.
        extra_cookies: lines for ``Set-Cookie`` in the answers of the start page.
        names: of the cookies with tokens, by "access" and "refresh".
    """

    def __init__(self, name: str, mode: str = "all", **config: object) -> None:
        self.app = Flask(name)
        self.app.config |= {"SECRET_KEY": SECRET, "TOKENAUTH_ISSUER": f"https://{name}.example"}
        self.app.config |= {"TOKENAUTH_COOKIES": mode, "TOKENAUTH_STORE": MemoryStore(), **config}
        self.changes: Counter[str] = Counter()
        self.extra_cookies: list[str] = []
        auth = TokenAuth(self.app)
        self.app.register_blueprint(auth.endpoints)
        self._add_views()
        self._add_sockets()
        cookies = state_of(self.app).cookies
        assert cookies is not None
        self.names = {"refresh": cookies.refresh} | ({"access": cookies.access} if cookies.access else {})
        self.wsgi = Recorder(self.app, self.names)

    def forget(self) -> None:
        """Forget all requests and changes."""
        self.changes.clear()
        self.extra_cookies.clear()
        self.wsgi.sent.clear()

    def sessions(self, user_id: str = "alice") -> tuple[Session, ...]:
        """Return the sessions of a user, with their generations."""
        store = self.app.extensions["tokenauth"].store
        return tuple(store.list_sessions(user_id, cursor=None, limit=100).sessions)

    def _change(self) -> str:
        """Note a change in the name of the user of the request, as a view or a handler does it."""
        user = g.user_id or "nobody"
        self.changes[user] += 1
        return f"done for {user}"

    def _add_views(self) -> None:
        def login() -> Response:
            return token_response(request.form["username"], ["notes:write"])

        def start() -> Response:
            response = Response(write_page(f"Hello {g.user_id}"), mimetype="text/html")
            for line in self.extra_cookies:
                response.headers.add("Set-Cookie", line)
            return response

        def go() -> Any:
            return redirect(request.args["to"], 307)

        @login_required
        def transfer() -> str:
            return self._change()

        @login_optional
        def vote() -> str:
            return self._change()

        def guestbook() -> str:
            return self._change()

        @login_required
        def account() -> str:
            return write_page(f"Account of {g.user_id}")

        changing = ["POST", "PUT"]
        for view in (login, transfer, vote, guestbook):
            self.app.add_url_rule(f"/{view.__name__}", view_func=view, methods=changing)
        self.app.add_url_rule("/go", view_func=go, methods=["GET", "POST"])
        self.app.add_url_rule("/account", view_func=account)
        self.app.add_url_rule("/", "start", start)

    def _add_sockets(self) -> None:
        sock = Sock(self.app)

        @sock.route("/live")  # type: ignore[untyped-decorator]  # Flask-Sock has no types
        @login_required
        def live(ws: Any) -> None:
            ws.send(self._change())
            ws.receive()  # until the page closes the socket

        self.socketio = flask_socketio.SocketIO(self.app, async_mode="threading", cors_allowed_origins="*")

        def transfer() -> None:
            flask_socketio.emit("said", self._change())

        self.socketio.on_event("transfer", login_required(is_view=False)(transfer))
        self.socketio.on_error_default(lambda error: flask_socketio.emit("said", error.reason))
