"""The headers of answers for caches: no cache may give an answer to another caller (RFC 9111 sections 3.5, 4.1).

Browsers, proxies and content delivery networks keep answers. ``Vary: Authorization`` lets them give an answer only to a
request with the same token. ``private`` lets only the browser of the caller keep it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.datastructures import ResponseCacheControl
from werkzeug.http import parse_cache_control_header, parse_set_header

from ..authentication.authenticator import Authentication
from ..authentication.refusals import NO_STORE

ANSWERED_FOR = "flask_tokenauth.answered_for"  # key in the WSGI environment: a list of one ``Authentication``, or None
_VARY = "Authorization"
_KEPT_BY_SHARED_CACHES = ("public", "s-maxage", "max-age", "must-revalidate")
_ERRORS = "4"  # the first status of errors begins with it

Headers = list[tuple[str, str]]


class SharedCaches:
    """WSGI middleware that adds ``Vary: Authorization``, and makes the answers of guarded routes ``private``.

    It is around Flask itself, so it sees the headers last: after the ``after_request`` functions of the application and
    its extensions, and after the session.

    Args:
        app: the WSGI application.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the application."""
        # A list, which stays the same one if other middleware copies the environment.
        answered_for: list[Authentication | None] = [None]
        environ[ANSWERED_FOR] = answered_for

        def start(status: str, headers: Headers, *error: Any) -> Any:
            for name, _ in headers:
                if name.lower() in ("vary", "cache-control"):
                    restrict(headers, answered_for[0], is_error=status >= _ERRORS)
                    break
            else:  # as in most answers
                authentication = answered_for[0]
                if authentication is None or not authentication.is_shareable or status >= _ERRORS:
                    headers.append(("Vary", _VARY))
            return start_response(status, headers, *error)

        return self.app(environ, start)


def note_answer(environ: dict[str, Any], authentication: Authentication) -> None:
    """Note for the middleware who gets the answer to a request. The hook does the same without this call."""
    if ANSWERED_FOR in environ:  # not if the application calls Flask in another way
        environ[ANSWERED_FOR][0] = authentication


def restrict(headers: Headers, authentication: Authentication | None, *, is_error: bool) -> None:
    """Change *headers* so that no cache gives an answer to another caller.

    Args:
        headers: names and values, as WSGI has them.
        authentication: of the request, None if Flask was not asked.
        is_error: whether the status is 400 or above. Pages for errors are not the answers of the view.
    """
    if authentication is not None and authentication.is_shareable and not is_error:
        return
    names = {name.lower() for name, _ in headers}
    if "vary" in names:
        _add_vary(headers)
    else:
        headers.append(("Vary", _VARY))
    if "cache-control" in names and authentication is not None and NO_STORE not in headers:
        if authentication.is_refused:
            _replace(headers, *NO_STORE)
        elif authentication.is_guarded:
            _make_private(headers)


def _add_vary(headers: Headers) -> None:
    joined = _join(headers, "vary")
    named = parse_set_header(joined)
    if "*" not in named and _VARY not in named:
        _replace(headers, "Vary", f"{joined}, {_VARY}" if joined else _VARY)


def _make_private(headers: Headers) -> None:
    """Make ``Cache-Control`` private if it lets a shared cache keep the answer."""
    joined = _join(headers, "cache-control").lower()  # directives have no case, but the parser minds it
    control: ResponseCacheControl = parse_cache_control_header(joined, cls=ResponseCacheControl)
    if not control.no_store and any(directive in control for directive in _KEPT_BY_SHARED_CACHES):
        control.public, control.s_maxage = False, None
        control.private = True
        _replace(headers, "Cache-Control", control.to_header())


def _join(headers: Headers, name: str) -> str:
    """Return the values of all headers with this *name*, which is in lower case, as one value."""
    return ", ".join(value for key, value in headers if key.lower() == name and value.strip())


def _replace(headers: Headers, name: str, value: str) -> None:
    headers[:] = [(key, kept) for key, kept in headers if key.lower() != name.lower()]
    headers.append((name, value))
