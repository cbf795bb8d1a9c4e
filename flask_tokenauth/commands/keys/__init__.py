"""``flask tokenauth keys`` and ``python -m flask_tokenauth keys``: the keys in a file, and their rotation."""
