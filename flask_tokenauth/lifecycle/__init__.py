"""The life of what is granted: sign-in, access tokens, refresh, revocation, introspection."""
