"""What the server remembers, by the one contract of :mod:`flask_tokenauth.core.store`: in memory or in a database."""
