"""Shared by the tests of settings: read settings from a configuration."""

from flask_tokenauth.application.settings import Settings

from ..conftest import SECRET


def read(**config: object) -> Settings:
    return Settings.from_config({"SECRET_KEY": SECRET} | config, app_name="reporting")
