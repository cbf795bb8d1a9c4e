"""The beginnings by which opaque strings are recognised, by people, scanners for secrets, and this package."""

REFRESH_PREFIX = "rt1_"
