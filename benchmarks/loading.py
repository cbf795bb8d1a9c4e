"""Load all revocations of a store into this process."""

from flask import Flask

from flask_tokenauth.core.errors import StoreUnavailable


def load_all(app: Flask) -> None:
    """Call ``warm()`` until the feed has loaded all entries; each call goes on where the last one timed out."""
    feed = app.extensions["tokenauth"].stored.feed
    while feed.describe().age is None:
        try:
            feed.warm()
        except StoreUnavailable:
            continue
