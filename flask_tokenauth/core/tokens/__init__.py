"""Tokens: signatures, claims and scopes; verified for a request, or issued for a login."""
