"""djangorestframework-simplejwt with its blacklist app, as its documentation configures the rotation.

Django can be configured once in a process, so a process can make this application once.
"""

from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command

from .django_database import to_database

FIELD = "refresh"  # of the form and of the answer
MOST_USERS = 32
_SECRET = "d41a9c0e5b7f2836" * 4

urlpatterns: list[Any] = []


def make(url: str) -> WSGIHandler:
    """Return an application with its tokens in the database at *url*."""
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
        DATABASES={"default": to_database(url)},
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
