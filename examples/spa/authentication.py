"""The extension."""

from flask_tokenauth import TokenAuth

auth = TokenAuth()
