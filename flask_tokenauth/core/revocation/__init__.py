"""What this process knows to be revoked, fetched from the store at intervals."""
