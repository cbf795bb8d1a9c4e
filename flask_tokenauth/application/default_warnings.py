"""Warnings at start, of settings that were left out."""

import logging

from .setting_types import PREFIX
from .settings import Settings

_log = logging.getLogger("flask_tokenauth")


def warn_of_defaults(settings: Settings) -> None:
    """Warn of settings that fit a first try, and not a deployment."""
    if settings.has_default_issuer:
        _log.warning(
            "%sISSUER is not set, so the issuer is %r, the name that the application was launched under: another "
            "application with this name and the same SECRET_KEY would accept its tokens. Set it to the URL of the "
            "application",
            PREFIX,
            settings.issuer,
        )
    if settings.store == "memory://":
        _log.warning(
            "%sSTORE is memory://, so each worker has a memory of its own and accepts tokens that another worker has "
            "revoked: set it to a database",
            PREFIX,
        )
