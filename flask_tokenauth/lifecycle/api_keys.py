"""API keys: make one, list those of a user, end one."""

from collections.abc import Iterable
from datetime import timedelta

from ..application.app_state import AppState
from ..application.setting_types import PREFIX, read_duration
from ..core.encoding.digests import digest_of
from ..core.encoding.limits import check_identifier, is_identifier
from ..core.errors import SettingsError
from ..core.opaque.checksummed_text import hint_of, make_text
from ..core.records.api_key import MOST_API_KEYS, ApiKey, ApiKeyToKeep
from ..core.records.grant import Grant, check_duration
from ..core.tokens.scopes import format_scope
from ..signals import api_key_created, api_key_revoked

_NOT_CONFIGURED = (
    f"API keys need {PREFIX}API_KEYS = True and {PREFIX}STORE: set both, and read the page on API keys before you do"
)


class TooManyApiKeys(ValueError):
    """The user has as many live API keys as a user may have."""

    def __init__(self) -> None:
        super().__init__(
            f"a user may have at most {MOST_API_KEYS} live API keys, and this user has as many: revoke one that is not "
            "needed any more"
        )


class NewApiKey(ApiKey, frozen=True, kw_only=True):
    """An API key that was just made. Show it to its user now, since it cannot be found out later."""

    text: str  # the key itself

    def __repr__(self) -> str:
        return f"NewApiKey(id={self.id!r}, user_id={self.user_id!r}, name={self.name!r})"


def create_api_key(
    state: AppState,
    user_id: object,
    scopes: Iterable[str] = (),
    *,
    name: str,
    expires_in: timedelta | float | None = None,
) -> NewApiKey:
    """Make an API key, and send the signal ``api_key_created``.

    Args:
        state: of the current application.
        user_id: the user.
        scopes: the scopes of the key. If scopes are declared, each must be.
        name: that people give the key.
        expires_in: its lifetime, as a ``timedelta`` or in seconds; None: it does not expire.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: *user_id* is not a user ID, a scope is not declared, *name* does not have 1 to 255 characters or has
            control characters, or *expires_in* is not above zero.
        TooManyApiKeys: the user has 100 live API keys.
        SettingsError: API keys are not configured.
        StoreUnavailable: the store cannot be asked.
    """
    check_configured(state)
    subject = state.authenticator.user_ids.to_subject(user_id)
    check_identifier("name", name)
    scope = format_scope(scopes)
    if state.settings.scopes is not None:
        state.settings.scopes.check_issued(scope)
    lifetime = None if expires_in is None else read_duration(expires_in)
    if lifetime is not None:
        check_duration("expires_in", lifetime)
    prefix = state.settings.api_key_prefix[0]
    text = make_text(prefix)
    new = ApiKeyToKeep(
        digest=digest_of(text),
        user_id=subject,
        name=name,
        hint=hint_of(text, prefix),
        grant=Grant(scopes=tuple(scope.split()), audience=state.settings.audience),
        lifetime=lifetime,
    )
    kept = state.store.add_api_key(new, most=MOST_API_KEYS)
    if kept is None:
        raise TooManyApiKeys
    api_key_created.send(state.app, key_id=kept.id, user_id=subject, name=name)
    return NewApiKey(text=text, **{field: getattr(kept, field) for field in kept.__struct_fields__})


def list_api_keys(state: AppState, user_id: object) -> list[ApiKey]:
    """Return the live API keys of a user, the newest first.

    Raises:
        TypeError: *user_id* has the wrong type.
        ValueError: *user_id* is not a user ID.
        SettingsError: API keys are not configured.
        StoreUnavailable: the store cannot be asked.
    """
    check_configured(state)
    return list(state.store.list_api_keys(state.authenticator.user_ids.to_subject(user_id)))


def end_api_key(state: AppState, key_id: str, *, user_id: str | None = None) -> bool:
    """End an API key, and send the signal ``api_key_revoked``.

    Args:
        state: of the current application.
        key_id: the ID of the key.
        user_id: the key must be one of this user, as a string; None: it may be one of any user.

    Returns:
        Whether there was a key to end.

    Raises:
        SettingsError: API keys are not configured.
        StoreUnavailable: the store cannot be asked; you can try again.
    """
    check_configured(state)
    if not is_identifier(key_id):
        return False
    if user_id is not None and not any(key.id == key_id for key in state.store.list_api_keys(user_id)):
        return False
    key = state.stored.revoke_api_key(key_id)
    if key is not None:
        api_key_revoked.send(state.app, key_id=key.id, user_id=key.user_id, name=key.name)
    return key is not None


def check_configured(state: AppState) -> None:
    """Check that the application has API keys.

    Raises:
        SettingsError: it has none.
    """
    if not state.settings.api_keys:
        raise SettingsError(_NOT_CONFIGURED)
