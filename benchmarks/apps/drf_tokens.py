"""Django REST framework with its own ``TokenAuthentication``, which keeps each token in a table.

Django can be configured once in a process, so a process can make this application once.
"""

from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command

from .bare import PATH, view
from .django_database import to_database

_SECRET = "d41a9c0e5b7f2836" * 4

urlpatterns: list[Any] = []


def make(url: str) -> tuple[Callable[..., Any], str]:
    """Return an application with its tables in the database at *url*, and a token that it accepts."""
    settings.configure(
        SECRET_KEY=_SECRET,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "rest_framework.authtoken",
        ],
        DATABASES={"default": to_database(url)},
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    urlpatterns[:], text = _make_urls()
    return WSGIHandler(), text


def _make_urls() -> tuple[list[Any], str]:
    """Return the view, and a token. Their modules can be imported once Django is set up."""
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415
    from rest_framework.authentication import TokenAuthentication  # noqa: PLC0415
    from rest_framework.authtoken.models import Token  # noqa: PLC0415
    from rest_framework.permissions import IsAuthenticated  # noqa: PLC0415
    from rest_framework.renderers import JSONRenderer  # noqa: PLC0415
    from rest_framework.request import Request  # noqa: PLC0415
    from rest_framework.response import Response  # noqa: PLC0415
    from rest_framework.views import APIView  # noqa: PLC0415

    class Me(APIView):  # type: ignore[misc]  # it has no types
        authentication_classes = (TokenAuthentication,)
        permission_classes = (IsAuthenticated,)
        renderer_classes = (JSONRenderer,)

        def get(self, _: Request) -> Response:
            """Answer as the other applications do."""
            return Response(view())

    text: str = Token.objects.create(user=User.objects.create(username="alice")).key
    return [path(PATH.removeprefix("/"), Me.as_view())], text
