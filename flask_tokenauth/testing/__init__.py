"""Helpers for the tests of applications: real tokens, and a clock that moves. Nothing is switched off."""

from .clock import at
from .login import logged_in, token_headers

__all__ = ["at", "logged_in", "token_headers"]
