"""Stores for sessions and revocations, which keep the contract of :mod:`flask_tokenauth.core.store`."""
