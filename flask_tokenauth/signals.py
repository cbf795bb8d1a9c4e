"""Signals that an application can connect to. The sender is the application. No signal has a token or a secret."""

from blinker import Namespace

_signals = Namespace()

#: A token was issued. Arguments: ``user_id`` as it was passed, ``scopes`` (a ``frozenset``), ``audience`` as it was
#: passed (None for ``TOKENAUTH_AUDIENCE``), ``expires_in`` (a ``timedelta``).
token_issued = _signals.signal("tokenauth-token-issued")

#: A token was exchanged for one that a service uses for the user. The signal ``token_issued`` is sent for it too.
#: Arguments: ``user_id`` as a string, ``actor`` (the service, ``act.sub``), ``audience`` (a ``frozenset``), and
#: ``parent_id``, the ID of the token that was exchanged.
token_exchanged = _signals.signal("tokenauth-token-exchanged")

#: The token of a request was accepted, before any guard decided: a guard can still refuse. Sent once per request, when
#: ``g`` is set. Arguments: ``user_id`` as in ``g.user_id``, ``scopes`` (a ``frozenset``).
token_accepted = _signals.signal("tokenauth-token-accepted")

#: A request was refused. Argument: ``reason``, the same word as in the log.
token_refused = _signals.signal("tokenauth-token-refused")

#: One token was revoked, without its session and its user. Arguments: ``token_id``, and ``user_id`` as a string or, if
#: the token was revoked by its ID, None.
token_revoked = _signals.signal("tokenauth-token-revoked")

#: All sessions of a user and all tokens issued to the user before were revoked. Arguments: ``user_id`` as a string, and
#: ``api_keys``: whether the API keys of the user were revoked too.
user_revoked = _signals.signal("tokenauth-user-revoked")

# Two signals about API keys. Arguments of each: ``key_id``, ``user_id`` as a string, and ``name``.

#: An API key was made. Tell its user, for example by mail: somebody else may have made it.
api_key_created = _signals.signal("tokenauth-api-key-created")

#: An API key was ended, not all API keys of its user.
api_key_revoked = _signals.signal("tokenauth-api-key-revoked")

# All signals below are about one session. Arguments of each: ``session_id`` and ``user_id``, both strings.

#: A user signed in.
session_started = _signals.signal("tokenauth-session-started")

#: A refresh token was exchanged for the next one.
session_refreshed = _signals.signal("tokenauth-session-refreshed")

#: A refresh token was used a second time within ``TOKENAUTH_REFRESH_RETRY_WINDOW``: the answer was lost, two tabs asked
#: at once, or the token was stolen a moment ago.
refresh_retried = _signals.signal("tokenauth-refresh-retried")

#: A refresh token was used twice, so it was stolen. The session has ended.
refresh_reused = _signals.signal("tokenauth-refresh-reused")

#: One session was ended, not all sessions of its user. One more argument: ``reason``: "reused", "revoked", or
#: "displaced" (a further sign-in of a user who has as many sessions as ``TOKENAUTH_SESSIONS_PER_USER`` allows).
session_ended = _signals.signal("tokenauth-session-ended")

#: The store does not have a refresh that it had confirmed: it has lost writes, or was restored from a backup.
store_rolled_back = _signals.signal("tokenauth-store-rolled-back")
