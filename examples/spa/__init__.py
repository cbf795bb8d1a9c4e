"""Private notes in the browser: a small single-page application whose scripts hold no token.

Start it with one command, and open http://localhost:5000 in two windows::

    pip install '.[sql]' && flask --app examples/spa run

Sign in as alice (wonderland) or bob (builder). Both tokens are in cookies that scripts cannot read
(``TOKENAUTH_COOKIES = "all"``). To try the other mode, in which the page keeps the access token in a variable::

    FLASK_TOKENAUTH_COOKIES=refresh flask --app examples/spa run

Safari keeps these cookies over HTTPS only::

    pip install cryptography && flask --app examples/spa run --cert=adhoc

To see a refresh, let access tokens live for 10 seconds, and look at the requests in the tools of your browser::

    FLASK_TOKENAUTH_ACCESS_LIFETIME=10s flask --app examples/spa run

The server: ``application.py`` puts all together, ``accounts.py`` signs people in and out, ``notes.py`` has the data,
and ``pages.py`` has the pages, their policy, and the way of a link to a page whose access token has expired.
The page: ``static/session.js`` is the part to copy. It refreshes, in one tab at a time.

``examples/pages_with_sessions.py`` has the same notes with forms and the session cookie of Flask. It needs no
JavaScript, a tenth of the code, and no store. But it needs CSRF tokens, and it cannot do what the store does here: list
the devices of a user, end one of them or all, notice a copied cookie, and make a cookie worthless at logout. And no
program can use its views without a browser's cookies, while the views here also take tokens in headers.
"""

from .application import create_app

__all__ = ["create_app"]
