"""The functions that an application gives to ``TokenAuth``."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from ..core.records.api_key import ApiKey
from ..core.records.session import Session
from ..core.tokens.token import Token


class IssuerLoader(NamedTuple):
    """The function that knows tenants, and the pattern of the names that it is asked about."""

    pattern: re.Pattern[str]
    load: Callable[[str], Any]


class Callbacks(msgspec.Struct):
    """Functions that the application gave to ``TokenAuth``. All applications of one ``TokenAuth`` share them."""

    user_id_type: Callable[[str], Any] = str
    load_user: Callable[[Any], Any] | None = None
    load_issuer: IssuerLoader | None = None
    check_token: Callable[[Token], Any] | None = None
    check_api_key: Callable[[Any, ApiKey], Any] | None = None
    before_refresh: Callable[[Session], Any] | None = None
