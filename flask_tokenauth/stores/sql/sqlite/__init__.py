"""All that only SQLite needs: its dialect, its files, and how new revocations are read from it."""
