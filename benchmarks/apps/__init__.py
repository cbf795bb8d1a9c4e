"""The applications measured: one route, one view, and a module for each way to guard them.

Each has ``make(jwk, **config)`` and prepares its key once, as far as its library lets it.
"""
