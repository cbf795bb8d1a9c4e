"""Guards: what a route requires, found and enforced before its view runs."""
