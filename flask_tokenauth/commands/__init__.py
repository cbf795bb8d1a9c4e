"""``flask tokenauth``: routes, inspect, inspector, token, sessions, api-keys, revoke, purge, init-db and doctor."""
