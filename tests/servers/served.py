"""The application that the real servers serve, as a module: ``USED_AT_IMPORT=1`` lets it use its store at import."""

import os

from flask_tokenauth import token_response

from ..lifecycle.revocation.served import auth, create_app

app = create_app()

if os.environ.get("USED_AT_IMPORT"):
    with app.test_request_context():
        token_response("somebody")  # a write
    auth.warm()
