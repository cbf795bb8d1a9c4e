"""Load the revocations of applications, and the keys of trusted issuers, before their first request."""

import logging
from contextlib import suppress

from ..authentication.callbacks import Callbacks
from ..core.errors import SettingsError, StoreUnavailable
from .app_state import list_states

_log = logging.getLogger("flask_tokenauth")


def warm_applications(callbacks: Callbacks) -> None:
    """Load the revocations and the keys of trusted issuers of each application of one ``TokenAuth``.

    An outage of the store or of an issuer is logged.

    Args:
        callbacks: of that ``TokenAuth``.

    Raises:
        SettingsError: an application is set up wrongly. The other applications are warmed nevertheless.
    """
    mistake: SettingsError | None = None
    states = [state for state in list_states() if state.callbacks is callbacks]
    if not states:
        _log.warning("warm() found no application: call it after init_app, on the same TokenAuth object")
    for state in states:
        if state.stored.feed is not None:
            try:
                with state.app.app_context(), suppress(StoreUnavailable):
                    state.stored.feed.warm()
            except SettingsError as error:
                mistake = mistake or error
        for rules in state.trust.list_rules() if state.settings.trusted_issuers else ():
            with suppress(StoreUnavailable):
                rules.keys.current()
    if mistake is not None:
        raise mistake
