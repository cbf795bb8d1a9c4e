"""``flask tokenauth``: routes, inspect, token, sessions, api-keys, revoke, purge, init-db and doctor."""
