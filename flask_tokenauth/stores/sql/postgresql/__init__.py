"""All that only PostgreSQL needs: its dialect, its connections, and how new revocations are read from it."""
