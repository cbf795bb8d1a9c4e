"""``ExchangeAuth`` for `httpx <https://www.python-httpx.org>`_, which has to be installed."""

from collections.abc import Generator, Iterable
from datetime import timedelta

from httpx import Auth, ByteStream, Request, Response, SyncByteStream

from .bodies import Body
from .exchange_auth import TokenSource


class ExchangeAuth(Auth):
    """Lets requests to another service carry a token for it: ``httpx.get(url, auth=exchange_auth)``.

    It works with ``httpx.Client`` and with ``httpx.AsyncClient`` in views that are coroutine functions.

    The token is made by :meth:`TokenAuth.exchange <flask_tokenauth.TokenAuth.exchange>` from the token of the current
    Flask request, and remembered for that token until 30 seconds before it expires. Create one object for each service,
    at the start of the program. Threads and tasks can share it.

    If the service answers 401, the request is sent once more with a new token, unless its body cannot be sent again.
    After a redirect to another scheme, host or port, the request has no token.

    A request raises what :meth:`TokenAuth.exchange <flask_tokenauth.TokenAuth.exchange>` raises, and ``ValueError`` if
    its URL has none of the *origins*.

    Args:
        audience: the service, as its tokens name it in ``aud``. One string or several.
        origins: the URLs of the service without their paths, as ``["https://reports.example.com"]``. Plain HTTP is
            only for the loopback of this machine, with another port than 80.
        scopes: the scopes of the token; None for those of the token of the current request.
        expires_in: the lifetime of the token, as a ``timedelta`` or in seconds; None for 5 minutes.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: *audience* or *origins* is empty, an origin is no origin, or a scope breaks the grammar of RFC 6749
            section 3.3.
    """

    def __init__(
        self,
        audience: str | Iterable[str],
        origins: Iterable[str],
        *,
        scopes: Iterable[str] | None = None,
        expires_in: timedelta | float | None = None,
    ) -> None:
        self._source = TokenSource(audience, origins, scopes=scopes, expires_in=expires_in)

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Send a request with a token, and perhaps once more. ``httpx`` calls this."""
        sent = self._source.token_for(str(request.url))
        body = Body(_find_file(request))
        request.headers["Authorization"] = sent.header
        answer = yield request
        last = answer.request  # another one after redirects
        header = last.headers.get("Authorization")
        if not self._source.may_renew(sent, status=answer.status_code, url=str(last.url), header=header):
            return
        if not _is_kept(last) and not body.rewind(_find_file(last)):
            return
        self._source.renew(sent)
        last.headers["Authorization"] = sent.header
        yield last  # httpx closes the answer first


def _is_kept(request: Request) -> bool:
    """Return whether httpx can send a body again by itself: it holds its bytes, or rewinds the files of a form."""
    stream = request.stream
    return isinstance(stream, ByteStream) or (_is_own(stream) and _rewinds(getattr(stream, "fields", None)))


def _rewinds(fields: list[object] | None) -> bool:
    files = [getattr(form_field, "file", b"") for form_field in fields or ()]
    return fields is not None and all(isinstance(file, (bytes, str)) or file.seekable() for file in files)


def _find_file(request: Request) -> object:
    """Return the file that is the body of a request, or an object that is no file."""
    stream = request.stream
    is_sync = isinstance(stream, SyncByteStream) and _is_own(stream)
    return getattr(stream, "_stream", stream) if is_sync else stream


def _is_own(stream: object) -> bool:
    """Return whether httpx made a stream: those of other code may do anything when they are read again."""
    return type(stream).__module__.partition(".")[0] == "httpx"
