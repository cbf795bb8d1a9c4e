"""Errors of the package, one class for each reason.

The refusals of a token are in :mod:`.token_errors`, those of endpoints in :mod:`.endpoint_errors`.

None of the base classes inherits from another: a :class:`Refusal` is the client's fault and becomes the answer to it,
:class:`SettingsError` and :class:`InvalidKey` are faults of the configuration, :class:`StoreUnavailable` is a fault of
the infrastructure. No error has a token, a secret or a value that was not verified.
"""

from typing import ClassVar


class SettingsError(Exception):
    """The application is configured wrongly. The message names the setting. Most are raised at start."""


class InvalidKey(ValueError):
    """A key cannot be used: it is malformed, too weak or made for another use. The message never shows key material."""


class StoreUnavailable(Exception):
    """The store cannot be asked: it cannot be reached, is too slow or locked, or returns values that cannot be read.

    It is not known whether a session or a token is good. So a request that needs to know is refused for now, with 503.
    The message has no password.
    """


class Refusal(Exception):
    """A request is refused. This is the base class of every refusal, and is never raised itself.

    Attributes:
        code: the error code that the client gets (RFC 6750 section 3.1).
        status: the status of the HTTP response.
        reason: a stable word for logs, signals and tests. The client does not get it.
        hint: the description that the client gets beside the code.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    reason: ClassVar[str]
    hint: ClassVar[str]


class MissingCredential(Refusal):
    """The request has no bearer token. Its answer is a challenge without an error code (RFC 6750 section 3.1)."""

    code = "unauthorized"
    status = 401
    reason = "credential_missing"
    hint = "Authentication is required."


class MalformedCredential(Refusal):
    """The ``Authorization`` header has the Bearer scheme, but breaks its grammar (RFC 6750 section 2.1)."""

    code = "invalid_request"
    status = 400
    reason = "credential_malformed"
    hint = "The Authorization header is malformed."


class InsecureTransport(Refusal):
    """The token came over plain HTTP, where others on the network could read it (RFC 6750 section 5.3)."""

    code = "invalid_request"
    status = 400
    reason = "transport_insecure"
    hint = "Access tokens are taken over HTTPS only."


class InsufficientScope(Refusal):
    """The token is valid, but lacks a scope (RFC 6750 section 3.1).

    Attributes:
        needed: the scopes for the challenge, in the order of the guard.
    """

    code = "insufficient_scope"
    status = 403
    reason = "scope_insufficient"
    hint = "The access token lacks a scope that is needed here."

    def __init__(self, needed: tuple[str, ...] = ()) -> None:
        super().__init__(f"needs {' '.join(needed)}".rstrip())
        self.needed = needed


class LoginTooOld(Refusal):
    """The token is valid, but the user signed in too long ago (RFC 9470 section 3).

    Attributes:
        max_age: the greatest age of the login, in seconds.
    """

    code = "insufficient_user_authentication"
    status = 401
    reason = "login_too_old"
    hint = "A more recent login is required."

    def __init__(self, max_age: int) -> None:
        super().__init__(f"the login must be at most {max_age} s old: log in again")
        self.max_age = max_age


class StoreOutage(Refusal):
    """The store must be asked, but cannot be asked for now (RFC 9110 section 15.6.4)."""

    code = "temporarily_unavailable"
    status = 503
    reason = "store_unavailable"
    hint = "The request cannot be authorized for now. Try again later."
