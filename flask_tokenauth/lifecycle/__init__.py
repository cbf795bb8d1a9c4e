"""From a sign-in to its end: sign-in, access tokens, refresh, revocation, introspection."""
