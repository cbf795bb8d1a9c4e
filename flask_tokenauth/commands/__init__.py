"""``flask tokenauth``: routes, inspect, token, sessions, revoke, purge, init-db and doctor."""
