"""The beginnings by which opaque strings are recognised, by people, scanners for secrets, and this package.

Beside them, the form of the prefix that all keys of a store on Redis have.
"""

REFRESH_PREFIX = "rt1_"
REFERENCE_PREFIX = "tr_"
API_KEY_PREFIX = "ta_"  # unless the application has another one
CLIENT_SECRET_PREFIX = "cs1_"  # noqa: S105  # the beginning of each secret

TAKEN_PREFIXES = frozenset({REFRESH_PREFIX, REFERENCE_PREFIX, CLIENT_SECRET_PREFIX})  # API keys have others
API_KEY_PREFIX_FORM = r"[a-z][a-z0-9]{1,15}_"  # one underscore, at the end: no prefix begins another one

KINDS_OF_KEYS = ("session", "sessions", "api_key", "api_keys", "reference", "spent")  # of a store on Redis
DEFAULT_STORE_PREFIX = "tokenauth"
LONGEST_STORE_PREFIX = 64
# A prefix with the name of a kind after a colon could begin like a key of the store whose prefix is before the colon.
STORE_PREFIX_FORM = rf"(?a)(?!.*:(?:{'|'.join(KINDS_OF_KEYS)})(?::|$))[A-Za-z0-9._:-]{{1,{LONGEST_STORE_PREFIX}}}"
STORE_PREFIX_WORDS = (
    f"1 to {LONGEST_STORE_PREFIX} letters, digits and . _ : -, without braces, which would choose the slot of a key in "
    f"a cluster, and without {', '.join(KINDS_OF_KEYS)} after a colon, as keys of other stores have them"
)
