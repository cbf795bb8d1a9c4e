"""The parts of the tests of the doctor."""

from flask import Flask

from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.commands.doctor import examine
from flask_tokenauth.commands.findings import Finding

GOOD = {"TOKENAUTH_DEFAULT_GUARD": "login_required", "PREFERRED_URL_SCHEME": "https"}


def find(app: Flask) -> list[Finding]:
    """Return the findings for *app*."""
    return examine(state_of(app))
