"""The revocations that this process knows, fetched from the store at intervals."""
