"""Records that a store keeps: grants, sessions and revocations."""
