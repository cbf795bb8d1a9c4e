"""Errors of the package, one class for each reason.

The base class of the refusals of a token is in :mod:`.token_errors`, that of endpoints in :mod:`.endpoint_errors`.

None of the base classes inherits from another: a :class:`Refusal` is the client's fault and becomes the answer to it,
:class:`SettingsError` and :class:`InvalidKey` are faults of the configuration, :class:`StoreUnavailable` and
:class:`PurgeRefused` are faults of the infrastructure. No error has a token, a secret or a value that was not verified.
"""

from datetime import datetime
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


class KeySetUnavailable(StoreUnavailable):
    """The keys of a trusted issuer cannot be fetched, and those that were fetched before are too old or lack the key.

    It is not known whether a token of this issuer is good. So a request that needs to know is refused for now, with
    503.
    """


class PurgeRefused(Exception):
    """A purge is refused, since the clock of the store seems to be ahead. Nothing was deleted.

    By such a clock, revocations have expired while their tokens are still good by the clocks of the workers. A purge
    would delete them for good.

    Attributes:
        now: the present, by the clock of the store.
        newest: the newest sign-in, API key, revocation of a user, or purge that the store knows.
    """

    def __init__(self, *, now: datetime, newest: datetime) -> None:
        self.now = now
        self.newest = newest
        super().__init__(now, newest)

    def __str__(self) -> str:
        return (
            "the clock of the store (with SQLite: of this machine) must be right before a purge, but it may be ahead: "
            f"it shows {self.now:%Y-%m-%d %H:%M:%S} UTC, and the newest sign-in, API key, revocation of a user or "
            f"purge was at {self.newest:%Y-%m-%d %H:%M:%S} UTC. Nothing was deleted. Compare the clock with the real "
            "time. If it is wrong, set it. If it is right, run flask tokenauth purge --force"
        )


class Refusal(Exception):
    """A request is refused. This is the base class of every refusal, and is never raised itself.

    Attributes:
        code: the error code that the client gets (RFC 6750 section 3.1).
        status: the status of the HTTP response.
        reason: a stable word for logs, signals and tests. The client does not get it.
        hint: the description that the client gets beside the code.
        message: the sentence that ``str()`` returns, for developers. The client does not get it. A class with facts of
            its own has a ``__str__`` instead.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    reason: ClassVar[str]
    hint: ClassVar[str]
    message: ClassVar[str] = "the request is refused"

    def __str__(self) -> str:
        return super().__str__() or self.message


_OR_CLIENT = (
    "; a service may send a client ID and a secret instead, as HTTP Basic (client_secret_basic) and not in the body, "
    "if TOKENAUTH_INTROSPECTION_CLIENTS has them"
)


class MissingCredential(Refusal):
    """The request has no bearer token. Its answer is a challenge without an error code (RFC 6750 section 3.1).

    Attributes:
        needed: the scopes that the challenge names, in the order of the guards. Empty if none is needed.
        takes_clients: whether a client ID and a secret would have been taken too.
    """

    code = "unauthorized"
    status = 401
    reason = "credential_missing"
    hint = "Authentication is required."
    message = (
        "the request must have the header Authorization: Bearer <token>, got no token: a token in the query, the "
        "body, another header, or a cookie without TOKENAUTH_COOKIES is not read, and a server or proxy may remove the "
        "header"
    )

    def __init__(self, needed: tuple[str, ...] = (), *, takes_clients: bool = False) -> None:
        self.needed = needed
        self.takes_clients = takes_clients
        super().__init__()

    def __str__(self) -> str:
        return self.message + (_OR_CLIENT if self.takes_clients else "")


class MissingScheme(MissingCredential):
    """The ``Authorization`` header is one word: perhaps a token without its scheme. It counts as no credential."""

    reason = "scheme_missing"
    hint = "The Authorization header has no scheme: send Authorization: Bearer <token>."
    message = "the Authorization header must be Bearer, a space and the token, got one word: put the scheme before it"


class UnsupportedScheme(MissingCredential):
    """The ``Authorization`` header has another scheme than Bearer. Here it counts as no credential."""

    reason = "scheme_unsupported"
    hint = "The Authorization header has another scheme: send Authorization: Bearer <token>."
    message = "the Authorization header must be Bearer, a space and the token, got another scheme: send only Bearer"


class MalformedCredential(Refusal):
    """The ``Authorization`` header has the Bearer scheme, but breaks its grammar (RFC 6750 section 2.1)."""

    code = "invalid_request"
    status = 400
    reason = "credential_malformed"
    hint = "The Authorization header is malformed: send it once, as Authorization: Bearer <token>, without quotes."
    message = (
        "the Authorization header must be Bearer, a space and one token, got something else: leave out quotes, "
        "commas and line breaks, and send the header once"
    )


class MalformedApiKeyHeader(MalformedCredential):
    """The header for API keys came several times, or its value is no single word."""

    reason = "api_key_malformed"
    hint = "The header for API keys is malformed: send it once, with one API key and without quotes."
    message = (
        "the header TOKENAUTH_API_KEY_HEADER must be one API key, got something else: leave out quotes, commas and "
        "line breaks, and send the header once"
    )


class TwoCredentials(MalformedCredential):
    """The request has a bearer token and an API key in a header of its own (RFC 6750 section 2)."""

    reason = "credentials_two"
    hint = "Two credentials were sent: send either Authorization: Bearer <token> or the header for API keys."
    message = (
        "a request must have one credential, got a bearer token in Authorization and an API key in "
        "TOKENAUTH_API_KEY_HEADER: leave one of them out"
    )


class InsecureTransport(Refusal):
    """The token came over plain HTTP, where others on the network could read it (RFC 6750 section 5.3)."""

    code = "invalid_request"
    status = 400
    reason = "transport_insecure"
    hint = "Access tokens are taken over HTTPS only."
    message = "an access token must come over HTTPS, got plain HTTP: use an https: URL, and ProxyFix behind a proxy"


class InsufficientScope(Refusal):
    """The token is valid, but lacks a scope (RFC 6750 section 3.1).

    Attributes:
        needed: the scopes for the challenge, in the order of the guard, with values from the URL.
        all_of: the scopes of which the guard needs all, as they are written there.
        any_of: the scopes of which the guard needs one as well, as they are written there.
    """

    code = "insufficient_scope"
    status = 403
    reason = "scope_insufficient"
    hint = "The access token lacks a scope that is needed here."

    def __init__(
        self, needed: tuple[str, ...] = (), *, all_of: tuple[str, ...] = (), any_of: tuple[str, ...] = ()
    ) -> None:
        self.needed = needed
        self.all_of = all_of or (() if any_of else needed)
        self.any_of = any_of
        super().__init__(needed)

    def __str__(self) -> str:
        return (
            f"the token must have {self._describe()}: give it the scopes at login (of a trusted issuer: in its scopes)"
            ", or change the guard"
        )

    def _describe(self) -> str:
        named = _name_scopes(self.all_of)
        if len(self.any_of) > 1:
            one_of = " ".join(self.any_of)
            return f"{named}, and one of {one_of}" if named else f"one of the scopes {one_of}"
        return " and ".join(filter(None, (named, _name_scopes(self.any_of)))) or "a scope that it lacks"


class InsufficientClaim(Refusal):
    """The token is valid, but lacks a claim, or the claim has another value than the guard requires.

    Its code is that of RFC 6750 section 3.1 for a request that "requires higher privileges than provided by the access
    token". The client does not learn the claim: it could not ask for it, as it can for a scope, and the claim shows how
    the application is organised.

    Attributes:
        claim: the name of the claim, as the guard has it. Neither its value nor the required values are kept.
        is_missing: whether the token lacks the claim. Otherwise the claim has another value, or another type.
    """

    code = "insufficient_scope"
    status = 403
    reason = "claim_insufficient"
    hint = "The request needs more rights than the access token has."

    def __init__(self, claim: str, *, is_missing: bool = False) -> None:
        self.claim = claim
        self.is_missing = is_missing
        super().__init__(claim)

    def __str__(self) -> str:
        if self.is_missing:
            return (
                f"the token must have the claim {self.claim}, and it is missing: check its name in the guard, or add "
                "it at login"
            )
        return (
            f"claim {self.claim} must equal or hold a value of the guard, got another value or JSON type: compare the "
            "value and its type with the guard"
        )


class ApiKeyNotAccepted(Refusal):
    """The API key is valid, but the guards of the route do not accept API keys (RFC 6750 section 3.1)."""

    code = "insufficient_scope"
    status = 403
    reason = "api_key_not_accepted"
    hint = "An API key is not accepted here."
    message = (
        "the request must have an access token here, got an API key: it opens routes that require a scope, and others "
        "only if their guard says api_keys=True"
    )


class LoginTooOld(Refusal):
    """The token is valid, but the user signed in too long ago (RFC 9470 section 3).

    Attributes:
        max_age: the greatest age of the login, in seconds.
        is_dated: whether the token has the time of the login, the claim ``auth_time``.
    """

    code = "insufficient_user_authentication"
    status = 401
    reason = "login_too_old"
    hint = "A more recent login is required."

    def __init__(self, max_age: int, *, is_dated: bool = True) -> None:
        self.max_age = max_age
        self.is_dated = is_dated
        super().__init__(max_age)

    def __str__(self) -> str:
        rule = f"the login must be at most {self.max_age} s old"
        if self.is_dated:
            return f"{rule}: log in again"
        return f"{rule}, got a token without the claim auth_time: log in again, or pass auth_time to create_token"


class StoreOutage(Refusal):
    """The store must be asked, but cannot be asked for now (RFC 9110 section 15.6.4)."""

    code = "temporarily_unavailable"
    status = 503
    reason = "store_unavailable"
    hint = "The request cannot be authorized for now. Try again later."
    message = "the store must be asked, and it cannot be asked for now: the log has its error"


class KeySetOutage(StoreOutage):
    """The keys of a trusted issuer must be fetched, but cannot be fetched for now (RFC 9110 section 15.6.4)."""

    reason = "key_set_unavailable"
    message = (
        "the keys of the trusted issuer must be known, but cannot be fetched for now, or issuer_loader failed: the log "
        "has its error"
    )


def _name_scopes(scopes: tuple[str, ...]) -> str:
    return f"the scope{'s' if len(scopes) > 1 else ''} {' '.join(scopes)}" if scopes else ""
