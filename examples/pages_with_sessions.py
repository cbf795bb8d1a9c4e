"""The traditional way: pages with forms and the session cookie of Flask, without Flask-TokenAuth or JavaScript.

flask --app examples/pages_with_sessions run

Open http://localhost:5000, and sign in as alice (wonderland) or bob (builder).

The pages are those of ``examples/spa``, to compare. Choose this way if people with browsers are your only users, and a
logout on one device is enough. The code is short, and no store is needed. You have to do yourself:

- the attributes of the cookie: ``Secure`` and ``SameSite`` are not set by default.
- protection against CSRF: a random token in the session and in each form. Here it is written by hand; Flask-WTF does
  more: its tokens expire, and it can also protect requests of scripts.
- session fixation: clear the session at sign-in, so that nothing in it comes from before.
- the time at which a session ends.

The session is in the cookie itself, signed. The server keeps no list, so this way lacks what ``examples/spa`` has:

- A logout deletes the cookie in one browser. A copy of it stays good until it expires.
- There is no list of devices, and no logout everywhere. After a change of password, old cookies stay good.
- A copied cookie is never noticed.
- Programs and mobile apps cannot use these views.
"""

import hmac
import secrets
from datetime import timedelta
from pathlib import Path

from flask import Flask, abort, redirect, render_template_string, request, session, url_for
from quickstart import UNKNOWN_USER, USERS, load_secret
from werkzeug.security import check_password_hash
from werkzeug.wrappers import Response

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Private notes</title>
<h1>Private notes</h1>
{% if message %}<p role="alert">{{ message }}</p>{% endif %}
{% macro csrf() %}<input type="hidden" name="csrf_token" value="{{ session.csrf_token }}">{% endmacro %}
{% if session.user %}
<h2>Notes of {{ session.user }}</h2>
<form method="post" action="{{ url_for('add_note') }}">{{ csrf() }}
  <label>New note <textarea name="content" rows="3" maxlength="10000" required></textarea></label> <button>Save</button>
</form>
<ul>
  {%- for id, content in notes.items() | reverse %}
  <li>{{ content }}
    <form method="post" action="{{ url_for('delete_note', note_id=id) }}">{{ csrf() }}
      <button aria-label="Delete the note “{{ content[:40] }}”">Delete</button>
    </form>
  </li>
  {%- endfor %}
</ul>
<form method="post" action="{{ url_for('sign_out') }}">{{ csrf() }}<button>Sign out</button></form>
{% else %}
<form method="post" action="{{ url_for('sign_in') }}">{{ csrf() }}
  <label>User <input name="username" autocomplete="username" required></label>
  <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
  <button>Sign in</button>
</form>
{% endif %}
"""
POLICY = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
NOTES: dict[str, dict[int, str]] = {name: {} for name in USERS}  # in memory: they are gone when the server ends

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["SESSION_COOKIE_NAME"] = "__Host-session"  # browsers accept it from this host alone
app.config["SESSION_COOKIE_SECURE"] = True  # over HTTPS only; at http://localhost too, except in Safari
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"  # not with forms of other sites; Flask sets HttpOnly itself
app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(hours=8)  # from the last request
app.config.from_prefixed_env()  # FLASK_SECRET_KEY=…
if not app.config["SECRET_KEY"]:
    app.config["SECRET_KEY"] = load_secret(Path(app.instance_path))


@app.before_request
def check_csrf_token() -> None:
    """Refuse a form that is not from a page of this session. Each session has a token from its first request on."""
    expected = session.setdefault("csrf_token", secrets.token_hex())
    given = request.form.get("csrf_token", "")
    if request.method == "POST" and not hmac.compare_digest(expected.encode(), given.encode()):
        abort(400, "This form is too old, or from another site: reload the page, and try again.")


@app.after_request
def protect(response: Response) -> Response:
    """Allow no script, and let no cache or "back" show a page after the logout."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


@app.get("/")
def index() -> str:
    """Show the notes, or the form to sign in."""
    return render_template_string(PAGE, notes=NOTES.get(session.get("user", ""), {}))


@app.post("/sign-in")
def sign_in() -> Response | tuple[str, int]:
    """Begin a session with nothing in it but the user, and a new CSRF token."""
    username = request.form["username"]
    user = USERS.get(username, UNKNOWN_USER)
    if not check_password_hash(str(user["password"]), request.form["password"]) or user is UNKNOWN_USER:
        return render_template_string(PAGE, message="Wrong user name or password."), 401
    session.clear()
    session.permanent = True
    session["user"], session["csrf_token"] = username, secrets.token_hex()
    return redirect(url_for("index"), 303)


@app.post("/notes")
def add_note() -> Response:
    """Add a note."""
    notes = own_notes()
    notes[max(notes, default=0) + 1] = request.form["content"].strip()[:10_000]
    return redirect(url_for("index"), 303)


@app.post("/notes/<int:note_id>/delete")
def delete_note(note_id: int) -> Response:
    """Delete a note of the user, if it is still there."""
    own_notes().pop(note_id, None)
    return redirect(url_for("index"), 303)


@app.post("/sign-out")
def sign_out() -> Response:
    """Delete the cookie of this browser. Copies of it stay good."""
    session.clear()
    return redirect(url_for("index"), 303)


def own_notes() -> dict[int, str]:
    """Return the notes of the user. There is no guard in Flask: each view must ask."""
    return NOTES[session["user"]] if session.get("user") in NOTES else abort(401, "Sign in first.")
