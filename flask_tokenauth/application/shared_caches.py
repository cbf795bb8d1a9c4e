"""The headers of answers for caches: no cache may give an answer to another caller (RFC 9111 sections 3.5, 4.1).

Browsers, proxies and content delivery networks keep answers. ``Vary: Authorization`` lets them give an answer only to a
request with the same token. ``private`` lets only the browser of the caller keep it. Shared caches keep no answer to a
request with ``Authorization`` unless they are allowed to. They know no header for API keys and no cookie with a token,
so each answer to a request that has one of those is ``private``. So is each answer to a request with a ticket in its
query, which has also ``Referrer-Policy: no-referrer``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from werkzeug.datastructures import ResponseCacheControl
from werkzeug.http import parse_cache_control_header, parse_set_header

from ..authentication.cookies import TokenCookies
from ..authentication.credentials import environ_name_of

ANSWER = "flask_tokenauth.answer"  # key in the WSGI environment: the ``Answer`` to the request
_AUTHORIZATION = "Authorization"
_NO_STORE = "no-store"
# Headers that say nothing about caches.
_SAY_NOTHING = frozenset({"Content-Type", "Content-Length", "Location", "Set-Cookie", "Allow", "WWW-Authenticate"})
_ERRORS = "4"  # the first status of errors begins with it

Headers = list[tuple[str, str]]


class Answer(msgspec.Struct):
    """The facts about the answer to one request that decide which caches may keep it.

    If a view sends a further request with its own environment or a copy, the facts of both count for both answers.
    """

    is_guarded: bool = False  # a guard protects it
    is_refused: bool = False  # it is a refusal, of a guard or of a view
    is_shareable: bool | None = None  # it does not depend on the caller; None if no view was asked
    is_private: bool = False  # the request has a credential that caches do not know: an API key, a cookie, a ticket
    has_ticket: bool = False  # the request has a ticket in its query, which its route accepts
    set_cookies: tuple[str, ...] = ()  # headers that are added, unless the answer sets the same cookie itself


class _Start(msgspec.Struct):
    """Changes the headers of one answer before the server gets them.

    Its method is faster than a function that is made for each request. It is no part of the answer: that is in the
    environment, and ``start_response`` of many servers leads back to the environment. The token in it would live
    longer.
    """

    start_response: Callable[..., Any]  # of the server
    answer: Answer
    vary: str

    def start(self, status: str, headers: Headers, exc_info: Any = None) -> Any:  # the name in PEP 3333
        """Start the answer, with the headers for caches."""
        answer = self.answer
        if answer.set_cookies:
            _add_cookies(headers, answer.set_cookies)
        if answer.is_refused or not answer.is_shareable or status >= _ERRORS or answer.set_cookies:
            restrict(headers, answer, self.vary)
        if answer.has_ticket:  # which no other site may learn from a link on this page
            _replace(headers, "Referrer-Policy", "no-referrer")
        if exc_info is None:
            return self.start_response(status, headers)
        return self.start_response(status, headers, exc_info)


class SharedCaches:
    """WSGI middleware that adds ``Vary: Authorization``, and makes the answers of guarded routes ``private``.

    It also deletes cookies that were refused.

    It is around Flask itself, so it sees the headers last: after the ``after_request`` functions of the application and
    its extensions, and after the session.

    Args:
        app: the WSGI application.
        api_key_header: the header for API keys, or None.
        cookies: the cookies of the application, or None.
    """

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        api_key_header: str | None = None,
        cookies: TokenCookies | None = None,
    ) -> None:
        self.app = app
        names = (_AUTHORIZATION, api_key_header, None if cookies is None else "Cookie")
        self._vary = ", ".join(filter(None, names))
        self._key_name = None if api_key_header is None else environ_name_of(api_key_header)
        self._cookies = cookies

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the application."""
        # One is there if a view sends its request on. It stays the same one if other middleware copies the environment.
        answer: Answer = environ.setdefault(ANSWER, Answer())
        if self._key_name is not None and self._key_name in environ:
            answer.is_private = True
        if self._cookies is not None and "HTTP_COOKIE" in environ and self._cookies.are_in(environ["HTTP_COOKIE"]):
            answer.is_private = True
        return self.app(environ, _Start(start_response, answer, self._vary).start)


def note_guarded(environ: Mapping[str, Any]) -> None:
    """Note that a guard protects the answer to a request."""
    if ANSWER in environ:  # not if the application calls Flask in another way
        environ[ANSWER].is_guarded = True


def note_not_of_view(environ: Mapping[str, Any], *, is_guarded: bool) -> None:
    """Note that a function before the view, and not the view, makes the answer to a request.

    Args:
        environ: of the request.
        is_guarded: whether the route of the request is guarded.
    """
    if ANSWER in environ:
        answer: Answer = environ[ANSWER]
        answer.is_shareable = False
        answer.is_guarded = answer.is_guarded or is_guarded


def note_ticket(environ: Mapping[str, Any]) -> None:
    """Note that a request has a ticket in its query, good or bad."""
    if ANSWER in environ:
        environ[ANSWER].has_ticket = environ[ANSWER].is_private = True


def note_refused(environ: Mapping[str, Any]) -> None:
    """Note that the answer to a request is a refusal."""
    if ANSWER in environ:
        environ[ANSWER].is_refused = True


def note_cookie(environ: Mapping[str, Any], header: str) -> None:
    """Note a ``Set-Cookie`` header for the answer to a request. It is left out if the answer sets the same cookie.

    Args:
        environ: of the request.
        header: the value of the header.
    """
    if ANSWER in environ:
        answer: Answer = environ[ANSWER]
        answer.set_cookies += (header,)


def restrict(headers: Headers, answer: Answer, vary: str = _AUTHORIZATION) -> None:
    """Change *headers* so that no cache gives an answer to another caller.

    Args:
        headers: names and values, as WSGI has them.
        answer: the facts about the answer.
        vary: the names of the headers that may have a credential, with ", " between them.
    """
    has_vary = has_expires = False
    controls = []
    for name, value in headers:
        if name not in _SAY_NOTHING:
            lower = name.lower()
            if lower == "cache-control":
                controls.append(value)
            elif lower == "vary":
                has_vary = True
            elif lower == "expires":
                has_expires = True
    if has_vary:
        _add_vary(headers, vary.split(", "))
    else:
        headers.append(("Vary", vary))
    has_control = has_expires or bool(controls)
    if answer.is_refused:
        if controls != [_NO_STORE]:
            _replace(headers, "Cache-Control", _NO_STORE)
    elif answer.is_private and not has_control:
        headers.append(("Cache-Control", "private"))  # the usual case, without a parser
    elif answer.is_private or (has_control and answer.is_guarded):
        control = _join(headers, "cache-control").lower()  # directives have no case, but werkzeug's parser minds it
        _make_private(headers, control, always=answer.is_private)


def _add_cookies(headers: Headers, cookies: Iterable[str]) -> None:
    present = {value.partition("=")[0] for name, value in headers if name.lower() == "set-cookie"}
    for cookie in cookies:
        name = cookie.partition("=")[0]
        if name not in present:
            present.add(name)
            headers.append(("Set-Cookie", cookie))


def _add_vary(headers: Headers, names: Sequence[str]) -> None:
    joined = _join(headers, "vary")
    named = parse_set_header(joined)
    missing = [] if "*" in named else [name for name in names if name not in named]
    if missing:
        _replace(headers, "Vary", ", ".join(filter(None, (joined, *missing))))


def _make_private(headers: Headers, control: str, *, always: bool) -> None:
    """Make ``Cache-Control`` private.

    Args:
        headers: are changed.
        control: the value of ``Cache-Control``, in lower case.
        always: also if caches have to ask each time: they may keep the answer then.
    """
    parsed: ResponseCacheControl = parse_cache_control_header(control, cls=ResponseCacheControl)
    has_no_cache = parsed.get("no-cache", "") is None  # with a value it is about some headers only
    is_asked_each_time = has_no_cache and not parsed.public and parsed.s_maxage is None
    if not parsed.no_store and (always or not is_asked_each_time):
        parsed.public, parsed.s_maxage = False, None
        parsed.private = True
        _replace(headers, "Cache-Control", parsed.to_header())


def _join(headers: Headers, name: str) -> str:
    """Return the values of all headers with this *name*, which is in lower case, as one value."""
    return ", ".join(value for key, value in headers if key.lower() == name and value.strip())


def _replace(headers: Headers, name: str, value: str) -> None:
    headers[:] = [(key, kept) for key, kept in headers if key.lower() != name.lower()]
    headers.append((name, value))
