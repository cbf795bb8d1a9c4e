"""Fetch one small document of another server: within limits, and only from addresses that may be reached."""
