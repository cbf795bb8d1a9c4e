"""The beginnings by which opaque strings are recognised, by people, scanners for secrets, and this package."""

import re

REFRESH_PREFIX = "rt1_"
REFERENCE_PREFIX = "tr_"
API_KEY_PREFIX = "ta_"  # unless the application has another one
CLIENT_SECRET_PREFIX = "cs1_"  # noqa: S105  # the beginning of each secret

TAKEN_PREFIXES = frozenset({REFRESH_PREFIX, REFERENCE_PREFIX, CLIENT_SECRET_PREFIX})  # API keys have others
API_KEY_PREFIX_FORM = re.compile(r"[a-z][a-z0-9]{1,15}_")  # one underscore, at the end: no prefix begins another one
