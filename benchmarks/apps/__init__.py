"""The applications that are measured: one route, one view, and a module for each way to guard them.

Each module has ``make(jwk, **config)``, which prepares its key once, as far as its library allows.
"""
