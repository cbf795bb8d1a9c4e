"""The pages, their Content-Security-Policy, and the way back to a page after a refresh."""

from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flask_tokenauth import NotAuthenticated, public

from .notes import list_notes

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@public
def index() -> str:
    """Show the application. Its scripts fetch the rest."""
    return render_template("index.html")


@blueprint.get("/print")
def print_notes() -> tuple[str, dict[str, str]]:
    """Show the notes to print: a page that the server renders, for ``TOKENAUTH_COOKIES = "all"``."""
    page = render_template("print.html", notes=list_notes())
    return page, {"Cache-Control": "no-store"}  # else "back" shows it after the logout


@blueprint.get("/refresh")
@public
def refresh() -> str:
    """Refresh in a script, and go to the page in ``next``. The script checks that it is a page of this application."""
    return render_template("refresh.html")


@blueprint.app_errorhandler(NotAuthenticated)
def ask_browser_to_refresh(error: NotAuthenticated) -> Response:
    """Send a person who opens a page to the page that refreshes, and from there, if that did not help, to the login."""
    if request.method != "GET" or request.headers.get("Sec-Fetch-Mode") != "navigate":
        return error.get_response()  # for scripts and programs
    wanted = request.full_path.removesuffix("?")
    has_refreshed = urlsplit(request.referrer or "").path == url_for("pages.refresh")
    return redirect(url_for("pages.index" if has_refreshed else "pages.refresh", next=wanted))


@blueprint.after_app_request
def add_policy(response: Response) -> Response:
    """Add the headers that protect the pages."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response
