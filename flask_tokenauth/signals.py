"""Signals that other code may listen to; the sender is the application. None carries a token, a secret or a guess."""

from blinker import Namespace

_signals = Namespace()

#: A token was issued. Arguments: ``user_id`` as given, ``scopes`` (a ``frozenset``), ``audience`` (as given; None for
#: the usual one), ``expires_in`` (a ``timedelta``).
token_issued = _signals.signal("tokenauth-token-issued")

#: A request was refused. Arguments: ``reason``, as in the log and in README.rst's table.
token_refused = _signals.signal("tokenauth-token-refused")
