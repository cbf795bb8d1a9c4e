"""Access tokens: :func:`create_token` for your code, and the tokens of a session."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from ..application.app_state import AppState, current_state
from ..application.refusing import refuse_outage
from ..application.setting_types import TokenFormat, read_duration
from ..application.token_cookies import room_for_access_token
from ..authentication.cookies import TokenCookies
from ..core.errors import StoreUnavailable
from ..core.opaque.new_reference import NewReferenceToken
from ..core.records.grant import Grant
from ..core.tokens.claims import LONGEST_LEEWAY
from ..core.tokens.issuing import TokenIssuer
from ..signals import token_issued


def create_token(
    user_id: object,
    scopes: Iterable[str] = (),
    *,
    expires_in: timedelta | float | None = None,
    audience: str | Iterable[str] | None = None,
    client_id: str | None = None,
    auth_time: datetime | None = None,
    claims: Mapping[str, object] | None = None,
    format: TokenFormat | None = None,  # noqa: A002  # the word of the field
) -> str:
    """Return an access token for the current application (RFC 9068). It belongs to no session.

    Args:
        user_id: the user: a string, an int, a UUID, or a value of the ``user_id_type`` of ``TokenAuth`` if that is a
            class. As a string it has 1 to 255 characters.
        scopes: the scopes that the token grants (RFC 6749 section 3.3). If ``TOKENAUTH_SCOPES`` declares scopes, each
            must be declared.
        expires_in: the lifetime, as a ``timedelta`` or in seconds; fractions of a second are cut off. Default:
            ``TOKENAUTH_ACCESS_LIFETIME``.
        audience: the recipients, one string or several. Default: ``TOKENAUTH_AUDIENCE``.
        client_id: the client that the user uses. Default: the issuer.
        auth_time: the time at which the user signed in, as an aware ``datetime``.
        claims: claims of the application, which are JSON values. Everyone who sees a JWT can read them.
        format: "jwt", a signed token, or "reference", a random string that only the store can explain. Default:
            ``TOKENAUTH_TOKEN_FORMAT``.

    Raises:
        TypeError: an argument has the wrong type, or *scopes* is a single string.
        ValueError: a scope is not declared, *expires_in* is under a second or over ``TOKENAUTH_MAX_LIFETIME``, a claim
            has a reserved name or is not a JSON value, *format* is another string, or the token would be refused for
            another reason.
        SettingsError: ``TokenAuth`` is not set up on this application, it has no key that can sign, or *format* is
            "reference" and there is no store.
        StoreUnavailable: there is a store, and it cannot be asked. Unless you catch it, the answer is 503.
    """
    state = current_state()
    subject = state.authenticator.user_ids.to_subject(user_id)
    lifetime = state.settings.access_lifetime if expires_in is None else read_duration(expires_in)
    granted = keep_scopes(scopes)
    try:
        epoch = 0 if state.settings.store is None else state.store.read_epoch(subject)
        issuer, reference = _find_issuer(state, format)
        token = issuer.issue(
            subject,
            granted,
            now=state.clock(),
            expires_in=None if expires_in is None else lifetime,
            audience=audience,
            client_id=client_id,
            auth_time=auth_time,
            epoch=epoch,
            claims=claims,
            reference=reference,
        )
    except StoreUnavailable as error:
        refuse_outage(state, error)
        raise
    if token_issued.receivers:
        token_issued.send(state.app, user_id=user_id, scopes=frozenset(granted), audience=audience, expires_in=lifetime)
    return token


def _find_issuer(state: AppState, format: TokenFormat | None) -> tuple[TokenIssuer, NewReferenceToken | None]:  # noqa: A002
    """Return the issuer of access tokens, and the new reference token that it has to keep; None for a JWT.

    Args:
        state: of the current application.
        format: None for ``TOKENAUTH_TOKEN_FORMAT``.

    Raises:
        ValueError: *format* is another value.
        SettingsError: there is no key that can sign, or no store for a reference token.
    """
    chosen = state.settings.token_format if format is None else read_format(format)
    if chosen == "reference":
        return state.reference_issuer, NewReferenceToken(state.store, leeway=LONGEST_LEEWAY)
    return state.token_issuer, None


def read_format(format: object) -> TokenFormat | None:  # noqa: A002
    """Return the format of tokens that a caller asks for; None for that of the settings.

    Raises:
        ValueError: it is another value.
    """
    if format not in (None, "jwt", "reference"):
        raise ValueError('format must be "jwt" or "reference", got another value: leave it out for the default')
    return format


def keep_scopes(scopes: Iterable[str]) -> Iterable[str]:
    """Return *scopes* in a form that can be iterated twice. A set stays a set, since sets are written sorted."""
    if isinstance(scopes, (list, tuple, set, frozenset, str)) or not hasattr(scopes, "__iter__"):
        return scopes  # the token issuer checks them
    return tuple(scopes)


def cap_lifetime(state: AppState, grant: Grant, *, most: timedelta) -> Grant:
    """Return *grant* with a lifetime of access tokens of at most *most*, but not under one second.

    A grant without a lifetime gets ``TOKENAUTH_ACCESS_LIFETIME``.
    """
    lifetime = grant.lifetime or state.settings.access_lifetime
    return grant.replace(lifetime=min(lifetime, max(most, timedelta(seconds=1))))


def issue_for_session(
    state: AppState,
    subject: str,
    grant: Grant,
    *,
    session_id: str,
    epoch: int | Callable[[], int],
    cookies: TokenCookies | None = None,
) -> str:
    """Return an access token of a session, with everything that *grant* says.

    Args:
        state: of the current application.
        subject: the user, ``sub``.
        grant: the scopes, the claims and the rest of the token.
        session_id: the session, ``sid``.
        epoch: the epoch of the user, or a function that returns it, called last of all before the token is signed.
        cookies: the cookies for the tokens; None for tokens in the body.

    Raises:
        ValueError: the token would be refused.
        SettingsError: there is no key that can sign.
    """
    issuer, reference = _find_issuer(state, None)
    return issuer.issue(
        subject,
        grant.scopes,
        now=state.clock(),
        expires_in=grant.lifetime,
        audience=grant.audience,
        client_id=grant.client_id,
        auth_time=None if grant.auth_time is None else datetime.fromtimestamp(grant.auth_time, UTC),
        session_id=session_id,
        epoch=epoch,
        claims=grant.claims,
        reference=reference,
        room_in_cookie=room_for_access_token(cookies),
    )
