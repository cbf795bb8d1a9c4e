"""Calls to other services for the user of the current request: its token is handed on, or exchanged."""
