"""``ExchangeAuth`` for `requests <https://requests.readthedocs.io>`_, which has to be installed."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

from requests import PreparedRequest, Response
from requests.auth import AuthBase

from .bodies import Body
from .exchange_auth import SentToken, TokenSource
from .origins import find_origin


class ExchangeAuth(AuthBase):
    """Lets requests to another service carry a token for it: ``requests.get(url, auth=exchange_auth)``.

    The token is made by :meth:`TokenAuth.exchange <flask_tokenauth.TokenAuth.exchange>` from the token of the current
    Flask request, and remembered for that token until 30 seconds before it expires. Create one object for each service,
    at the start of the program. Threads can share it.

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

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Put a token into a request. ``requests`` calls this."""
        sent = self._source.token_for(r.url or "")
        r.headers["Authorization"] = sent.header
        r.register_hook("response", _Answers(self._source, sent, Body(r.body)))
        return r


class _Answers:
    """Looks at the answers to one request and to those that it was redirected to. ``requests`` calls it for each."""

    def __init__(self, source: TokenSource, sent: SentToken, body: Body) -> None:
        self._source, self._sent, self._body = source, sent, body

    def __call__(self, r: Response, **options: Any) -> Response:
        answer = self._ask_again(r, options)
        if answer.is_redirect and not _stays(answer):
            self._take_back(r.request)  # which requests copies for the next one, also after a second answer
        return answer

    def _ask_again(self, r: Response, options: dict[str, Any]) -> Response:
        """Return the answer to a request that was sent again, or the answer that there is."""
        request = r.request
        if not self._source.may_renew(
            self._sent, status=r.status_code, url=request.url or "", header=request.headers.get("Authorization")
        ):
            return r
        if not self._body.rewind(request.body):
            return r
        r.close()  # without reading it: its size is not known
        self._source.renew(self._sent)
        request.headers["Authorization"] = self._sent.header
        again: Response = r.connection.send(request, **options)
        again.history.append(r)
        return again

    def _take_back(self, request: PreparedRequest) -> None:
        """Take the token out of a request. A session with ``rebuild_auth`` of its own could send it on."""
        if request.headers.get("Authorization") == self._sent.header:
            del request.headers["Authorization"]


def _stays(r: Response) -> bool:
    """Return whether a redirect leads to the same scheme, host and port."""
    origin = find_origin(r.url)
    return origin is not None and find_origin(urljoin(r.url, r.headers["Location"])) == origin
