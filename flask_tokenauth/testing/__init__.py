"""Helpers for the tests of your application: real tokens, and a clock that you can move. No check is turned off."""

from .clock import at
from .login import logged_in, token_headers

__all__ = ["at", "logged_in", "token_headers"]
