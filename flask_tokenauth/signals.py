"""Signals that other code may listen to; the sender is the application. None carries a token, a secret or a guess."""

from blinker import Namespace

_signals = Namespace()

#: A token was issued. Arguments: ``user_id`` as given, ``scopes`` (a ``frozenset``), ``audience`` (as given; None for
#: the usual one), ``expires_in`` (a ``timedelta``).
token_issued = _signals.signal("tokenauth-token-issued")

#: A request was refused. Arguments: ``reason``, as in the log and in README.rst's table.
token_refused = _signals.signal("tokenauth-token-refused")

#: A token was revoked by itself, not with its session or its user. Arguments: ``token_id``, and ``user_id`` as text;
#: that is None where an ID was all that anybody had.
token_revoked = _signals.signal("tokenauth-token-revoked")

#: All that a user had was revoked: every session, every token issued before. Argument: ``user_id``, as text.
user_revoked = _signals.signal("tokenauth-user-revoked")

# Of sessions. All have ``session_id`` and ``user_id``, as text.

#: A user signed in.
session_started = _signals.signal("tokenauth-session-started")

#: A refresh token was redeemed for its successor.
session_refreshed = _signals.signal("tokenauth-session-refreshed")

#: A refresh token was redeemed a second time within ``TOKENAUTH_REFRESH_RETRY_WINDOW``: an answer was lost, or two tabs
#: asked at once, or a thief is quick.
refresh_retried = _signals.signal("tokenauth-refresh-retried")

#: A refresh token was redeemed that had been spent: somebody has a copy. The session has ended.
refresh_reused = _signals.signal("tokenauth-refresh-reused")

#: A session was ended, by itself and not with all of its user. Argument: ``reason``, ``reused`` or ``revoked``.
session_ended = _signals.signal("tokenauth-session-ended")

#: The store had forgotten a refresh that it had confirmed: it has lost writes, or is an older copy.
store_rolled_back = _signals.signal("tokenauth-store-rolled-back")
