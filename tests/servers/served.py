"""The application that the real servers serve, as a module: ``USED_AT_IMPORT=1`` lets it use its store at import."""

import os

from flask_tokenauth import token_response
from flask_tokenauth.stores.sql import engine

from ..engines.server import PATIENCE
from ..lifecycle.revocation.served import auth, create_app

engine.LONGEST_QUEUE = engine.LONGEST_WRITE = PATIENCE  # a busy machine is no outage
app = create_app()

if os.environ.get("USED_AT_IMPORT"):
    with app.test_request_context():
        token_response("somebody")  # a write
    auth.warm()
