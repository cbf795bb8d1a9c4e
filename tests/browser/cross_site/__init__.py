"""Cookies and requests of other sites, in real browsers."""
