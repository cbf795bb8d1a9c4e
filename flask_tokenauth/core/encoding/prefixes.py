"""The beginnings by which opaque strings are recognised, by people, scanners for secrets, and this package."""

REFRESH_PREFIX = "rt1_"
CLIENT_SECRET_PREFIX = "cs1_"  # noqa: S105  # the beginning of each secret
