"""The blueprint for clients: refresh, revoke, introspect, log out, list and end sessions."""
