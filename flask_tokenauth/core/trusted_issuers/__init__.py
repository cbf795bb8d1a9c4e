"""Fetch the keys of other issuers over HTTPS, from addresses that a server may connect to."""
