"""The application that gunicorn serves in ``test_gunicorn.py``. Its settings come from the environment."""

import os

from flask import Flask, Response, g, jsonify, request

from flask_tokenauth import TokenAuth, login_required, token_response

auth = TokenAuth()


def create_app() -> Flask:
    app = Flask("served")
    app.config.from_prefixed_env()
    auth.init_app(app)
    app.register_blueprint(auth.endpoints)

    @app.post("/login")
    def login() -> Response:
        return token_response(request.form["username"])

    @app.get("/me")
    @login_required
    def me() -> dict[str, object]:
        return {"user_id": g.user_id}

    @app.get("/loaded")
    def has_loaded() -> Response:
        return jsonify(app.extensions["tokenauth"].stored.feed.describe().age is not None)

    @app.after_request
    def add_worker_id(response: Response) -> Response:
        response.headers["X-Worker"] = str(os.getpid())
        return response

    return app
