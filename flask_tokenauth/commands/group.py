"""The group ``flask tokenauth``."""

from .doctor import doctor
from .routes import routes
from .sessions import init_db, purge, revoke, sessions
from .tokens import inspect, token

COMMANDS = (doctor, init_db, inspect, purge, revoke, routes, sessions, token)
