"""djangorestframework-simplejwt with its blacklist app, as its documentation configures the rotation.

Django can be configured once in a process, so a process can make this application once.
"""

from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from sqlalchemy import make_url
from sqlalchemy.engine import URL

FIELD = "refresh"  # of the form and of the answer
MOST_USERS = 32
_SECRET = "d41a9c0e5b7f2836" * 4
_ENGINES = {"postgresql": "postgresql", "mysql": "mysql", "sqlite": "sqlite3"}
_SQLITE = {
    "timeout": 60,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
}

urlpatterns: list[Any] = []


def make(url: str) -> WSGIHandler:
    """Return an application with its tokens in the database at *url*."""
    parsed = make_url(url)
    if parsed.drivername == "mysql":
        import pymysql  # noqa: PLC0415  # a driver of one of the databases

        pymysql.install_as_MySQLdb()
    settings.configure(
        SECRET_KEY=_SECRET,
        ALLOWED_HOSTS=["localhost"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "rest_framework_simplejwt.token_blacklist",
        ],
        DATABASES={"default": _to_database(parsed)},
        USE_TZ=True,
        SIMPLE_JWT={"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True},
    )
    django.setup()
    urlpatterns[:] = _make_urls()
    return WSGIHandler()


def create_tables(_: WSGIHandler) -> None:
    """Create the tables and the users."""
    from django.contrib.auth.models import User  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    User.objects.bulk_create(User(username=f"user-{number}") for number in range(MOST_USERS))


def _to_database(url: URL) -> dict[str, Any]:
    return {
        "ENGINE": f"django.db.backends.{_ENGINES[url.drivername]}",
        "NAME": url.database,
        "USER": url.username,
        "PASSWORD": url.password,
        "HOST": url.host,
        "PORT": url.port,
        "CONN_MAX_AGE": None,  # connections stay open
        "OPTIONS": _SQLITE if url.drivername == "sqlite" else {},
    }


def _make_urls() -> list[Any]:
    """Return the views. Their modules can be imported once Django is set up."""
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.http import HttpRequest, JsonResponse  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415
    from rest_framework_simplejwt.tokens import RefreshToken  # noqa: PLC0415
    from rest_framework_simplejwt.views import TokenRefreshView  # noqa: PLC0415

    def login(request: HttpRequest) -> JsonResponse:
        name, _, _ = request.POST["user"].partition(".")
        token = RefreshToken.for_user(User.objects.get(username=name))
        return JsonResponse({"access": str(token.access_token), FIELD: str(token)})

    return [path("login", login), path("auth/refresh", TokenRefreshView.as_view())]
