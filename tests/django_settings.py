"""The settings of Django, which the real Simple JWT needs. A process can set them once."""

from functools import cache

import django
from django.conf import settings


@cache
def set_up_django() -> None:
    """Set up Django for the tokens of Simple JWT."""
    apps = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"]
    settings.configure(SECRET_KEY="0d9c5a7e1f3b48260d9ec7f5a1b3e4826c0d7f9ea5b1c384", INSTALLED_APPS=apps, USE_TZ=True)
    django.setup()
