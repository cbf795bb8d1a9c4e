"""The kinds of tokens that a guard accepts: JWTs, reference tokens, API keys, tickets."""

from collections.abc import Iterable
from typing import NamedTuple, get_args

from ..core.errors import ApiKeyNotAccepted, Refusal
from ..core.token_errors import KindNotAccepted
from ..core.tokens.token import Token, TokenKind

_KINDS: tuple[TokenKind, ...] = get_args(TokenKind)
_ACCESS_TOKENS: tuple[TokenKind, ...] = ("jwt", "reference")
_API_KEY = "api_key"
_TICKET = "ticket"


class AcceptedKinds(NamedTuple):
    """The kinds that one guard accepts, as it is written."""

    named: tuple[TokenKind, ...] | None = None  # exactly these; None: access tokens of both kinds
    api_keys: bool = False  # API keys too, even if the guard requires no scope

    @classmethod
    def of(cls, accept: object, *, api_keys: object = False) -> "AcceptedKinds":
        """Return the kinds of a guard, after its arguments were checked.

        Args:
            accept: the kinds, or None.
            api_keys: whether API keys are accepted too.

        Raises:
            TypeError: *accept* is no collection of strings, or *api_keys* is no boolean.
            ValueError: *accept* is empty or has another string, or it names no API keys and *api_keys* is True.
        """
        if not isinstance(api_keys, bool):
            raise TypeError(f"api_keys must be True or False, got {type(api_keys).__name__}")
        if accept is None:
            return cls(None, api_keys)
        kinds = read_kinds(accept)
        if api_keys and _API_KEY not in kinds:
            raise ValueError('accept must name "api_key" if api_keys=True is given as well: leave one of them out')
        return cls(kinds, _API_KEY in kinds)

    def check(self, token: Token, *, has_scopes: bool) -> None:
        """Refuse a token of a kind that the guard does not accept.

        Args:
            token: verified.
            has_scopes: whether scopes are required, so that an API key is accepted unless the guard says otherwise.

        Raises:
            KindNotAccepted: the guard names its kinds, and this is another one. It is also raised for a ticket if the
                guard does not name its kinds.
            ApiKeyNotAccepted: it is an API key, and the guard does not accept these.
        """
        kind = token.kind
        if self.named is not None and kind not in self.named:
            raise KindNotAccepted(kind, self.named)
        if kind == _TICKET and self.named is None:
            raise KindNotAccepted(_TICKET, _ACCESS_TOKENS)
        if kind == _API_KEY and not (self.api_keys or has_scopes):
            raise ApiKeyNotAccepted

    def refuse_api_key(self) -> Refusal:
        """Return the refusal of a request with an API key, which the guard does not accept."""
        return ApiKeyNotAccepted() if self.named is None else KindNotAccepted(_API_KEY, self.named)

    @property
    def excludes_api_keys(self) -> bool:
        """Whether the guard names its kinds, and API keys are not among them."""
        return self.named is not None and not self.api_keys

    @property
    def accepts_tickets(self) -> bool:
        """Whether the guard names tickets: only then they are accepted."""
        return self.named is not None and _TICKET in self.named

    def __str__(self) -> str:
        if self.named is not None:
            return f"only {', '.join(self.named)}"
        return "API keys too" if self.api_keys else ""


ANY_KIND = AcceptedKinds()


def read_kinds(accept: object) -> tuple[TokenKind, ...]:
    """Return kinds of tokens, in one order.

    Args:
        accept: a collection of them.

    Raises:
        TypeError: it is no collection of strings.
        ValueError: it is empty, or has another string.
    """
    advice = f'accept must be some of {", ".join(_KINDS)}: accept=("jwt", "reference")'
    if isinstance(accept, str) or not isinstance(accept, Iterable):
        raise TypeError(f"{advice}, got {type(accept).__name__}")
    given = list(accept)
    if not given or any(kind not in _KINDS for kind in given):
        raise ValueError(f"{advice}, got {'none' if not given else 'another value among them'}")
    return tuple(kind for kind in _KINDS if kind in given)


def read_kinds_of_verify(accept: object) -> tuple[TokenKind, ...]:
    """Return the kinds that ``auth.verify`` accepts.

    Args:
        accept: a collection of them.

    Raises:
        TypeError: it is no collection of strings.
        ValueError: it is empty, has another string, or names tickets.
    """
    kinds = read_kinds(accept)
    if _TICKET in kinds:
        raise ValueError(
            'accept must not name "ticket" here, since a ticket opens one path, once: let a guard on that route accept '
            "it"
        )
    return kinds
