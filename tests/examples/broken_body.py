"""A request with a body that the server cannot read, as gunicorn reports it."""

from unittest.mock import Mock

from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize  # type: ignore[import-untyped]  # has no types
from werkzeug.test import TestResponse


def post_malformed_chunk(client: FlaskClient, url: str, content_type: str) -> TestResponse:
    """Send a body with a malformed chunk. Reading it raises an error of gunicorn, which is no ``HTTPException``."""
    stream = Mock(read=Mock(side_effect=InvalidChunkSize(b"zz")), readinto=Mock(side_effect=InvalidChunkSize(b"zz")))
    return client.post(
        url,
        content_type=content_type,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": stream, "wsgi.input_terminated": True},
    )
