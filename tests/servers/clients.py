"""Clients that use the endpoints of an application at the same time.

They check that nothing acknowledged is lost, and that no answer is one for another client.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode

from flask_tokenauth.core import read_claims
from flask_tokenauth.core.encoding import base64url

from ..conftest import bearer

CLIENTS = 16
THOROUGH = bool(os.environ.get("TOKENAUTH_THOROUGH"))  # more servers, and ten times as many requests
ROUNDS = 70 if THOROUGH else 7  # of nine requests: 1 008 requests of all clients
INTERVAL = 1.0  # seconds; the default of TOKENAUTH_REVOCATION_INTERVAL
PATIENCE = 60  # seconds; a test that waits longer fails
NO_ANSWER = (OSError, HTTPException)  # of a worker that was killed


@dataclass
class Answer:
    """The answer of a worker."""

    body: Any
    worker: str


@dataclass
class Session:
    """A sign-in that the server has acknowledged, with the tokens that came last."""

    access_token: str
    refresh_token: str
    is_kept: bool = True  # False as soon as the client has asked for the end
    ended_at: float | None = None  # monotonic: when the server had acknowledged the end

    @property
    def claims(self) -> Mapping[str, object]:
        """The claims of the access token."""
        return read_claims(base64url.decode(self.access_token.encode().split(b".")[1]))


@dataclass
class Client:
    """A user who signs in often. Each request has a connection of its own, so any worker may answer it."""

    port: int
    name: str
    sessions: list[Session] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def ask(self, request: str, token: str = "", /, *, expected: int = 200, **form: str) -> Answer:
        """Send a request, such as ``"GET /me"``, and return the answer, which must have the expected status."""
        method, path = request.split()
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | (bearer(token) if token else {})
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, urlencode(form), headers)
            with connection.getresponse() as response:
                body = response.read()
        assert response.status == expected, f"{request}: {response.status}"
        self.answers.append(Answer(json.loads(body or "null"), response.headers["X-Worker"]))
        return self.answers[-1]

    def ask_with_a_wrong_token(self) -> Answer:
        return self.ask("GET /me", "wrong", expected=401)

    def sign_in(self) -> Session:
        body = self.ask("POST /login", username=self.name).body
        session = Session(body["access_token"], body["refresh_token"])
        assert session.claims["sub"] == self.name, "the tokens are for another user"
        known = [other.claims["sid"] for other in self.sessions]
        assert session.claims["sid"] not in known, "the tokens are of another session"
        self.sessions.append(session)
        return session

    def refresh(self, session: Session) -> None:
        body = self.ask("POST /auth/refresh", grant_type="refresh_token", refresh_token=session.refresh_token).body
        before = session.claims
        session.access_token, session.refresh_token = body["access_token"], body["refresh_token"]
        assert session.claims["sub"] == self.name, "the tokens are for another user"
        assert session.claims["sid"] == before["sid"], "the tokens are of another session"

    def ask_for_name(self, session: Session) -> None:
        """Ask a guarded view for the name of the user."""
        body = self.ask("GET /me", session.access_token).body
        assert body == {"user_id": self.name}, "the answer is for another user"

    def list_sessions(self, session: Session) -> None:
        """List the sessions of the user, and check that the newest ones of this client come, and no others."""
        listed = self.ask("GET /auth/sessions", session.access_token).body["sessions"]
        kept = [kept.claims["sid"] for kept in self.sessions if kept.is_kept]
        assert {found["id"] for found in listed} == set(kept[-len(listed) :]), "these are other sessions"
        current = [found["id"] for found in listed if found["current"]]
        assert current == [session.claims["sid"]], "another session is the current one"

    def end(self, session: Session, *, by_logout: bool) -> None:
        """End the session in one of two ways."""
        session.is_kept = False
        if by_logout:
            self.ask("POST /auth/logout", session.access_token, expected=204)
        else:
            self.ask("POST /auth/revoke", token=session.refresh_token)
        session.ended_at = time.monotonic()

    def play(self) -> None:
        """Send nine requests in each round. Each must have the answer of a server without trouble."""
        for number in range(ROUNDS):
            session = self.sign_in()
            self.ask_for_name(session)
            self.ask_with_a_wrong_token()
            self.refresh(session)
            self.ask_for_name(session)
            self.list_sessions(session)
            self.refresh(session)
            self.ask_for_name(session)
            if number % 2:
                self.ask_for_name(session)
            else:
                self.end(session, by_logout=number % 4 == 0)

    def play_in_storm(self, is_over: Callable[[], bool]) -> None:
        """Sign in, refresh and log out until the storm is over. Some requests get no answer."""
        while not is_over():
            with suppress(*NO_ANSWER):
                session = self.sign_in()
                self.refresh(session)
                if len(self.sessions) % 2:
                    self.end(session, by_logout=True)

    def check_ended(self, workers: set[str]) -> None:
        """Ask with each token of an ended session until every worker has refused it after the interval."""
        deadline = time.monotonic() + PATIENCE
        for session in self.sessions:
            if session.ended_at is not None:
                while time.monotonic() < session.ended_at + INTERVAL:
                    self.ask_with_a_wrong_token()
                left = set(workers)
                while left:
                    assert time.monotonic() < deadline, "a worker did not answer any more"
                    left.discard(self.ask("GET /me", session.access_token, expected=401).worker)
                self.ask(
                    "POST /auth/refresh", grant_type="refresh_token", refresh_token=session.refresh_token, expected=400
                )

    def check_kept(self) -> None:
        """Refresh each session that was not ended."""
        for session in self.sessions:
            if session.is_kept:
                self.refresh(session)
                self.ask_for_name(session)


def run_all(clients: list[Client], work: Callable[[Client], object]) -> None:
    """Call *work* with all clients at the same time, and raise the first error."""
    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(work, clients))


def repeat(work: Callable[[Client], object], clients: list[Client], *, workers: int) -> None:
    """Call *work* with all clients, again and again until so many workers have answered."""
    deadline = time.monotonic() + PATIENCE
    while len(workers_of(clients)) < workers:
        assert time.monotonic() < deadline, "a worker does not answer"
        run_all(clients, work)


def workers_of(clients: list[Client]) -> set[str]:
    """Return the IDs of the processes that have answered."""
    return {answer.worker for client in clients for answer in client.answers}


def sign_in(port: int, *, workers: int) -> list[Client]:
    """Let all clients sign in until each worker has answered, and return them."""
    clients = [Client(port, f"user{number}") for number in range(CLIENTS)]
    repeat(Client.sign_in, clients, workers=workers)
    return clients


def use(port: int, *, workers: int) -> None:
    """Let 16 clients send at least 1 008 requests, and check that nothing that was acknowledged is lost.

    Args:
        port: of the server.
        workers: the number of its processes.
    """
    clients = [Client(port, f"user{number}") for number in range(CLIENTS)]
    run_all(clients, Client.play)
    check_nothing_is_lost(clients, workers=workers)


def check_nothing_is_lost(clients: list[Client], *, workers: int) -> None:
    """Check that all sessions go on that were not ended, and that every worker refuses the tokens of the others."""
    for client in clients:
        client.answers.clear()
    run_all(clients, Client.check_kept)
    repeat(Client.ask_with_a_wrong_token, clients, workers=workers)
    seen = workers_of(clients)
    assert len(seen) == workers
    run_all(clients, lambda client: client.check_ended(seen))
