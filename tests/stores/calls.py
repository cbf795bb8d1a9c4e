"""One call of each public method of a store that asks its database, for tests of outages and of rights."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from secrets import token_hex

from flask_tokenauth.core.encoding.digests import digest_of
from flask_tokenauth.core.records.grant import Grant
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.records.session import NewSession, Terms
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract import kit

DAY = timedelta(days=1)
TERMS = Terms(idle_lifetime=DAY, retry_window=timedelta(hours=1), retention=DAY)

Call = Callable[[SQLStore], object]


def start(store: SQLStore) -> object:
    """Start a session, unless the call before has stored it and got no answer."""
    new = NewSession(session_id="new", user_id="alice", grant=Grant(), idle_lifetime=DAY, lifetime=DAY)
    with suppress(ValueError):
        return store.start_session(new, most=1, retention=DAY)
    return None


def add_key(store: SQLStore) -> object:
    """Add an API key, unless the call before has stored it and got no answer."""
    with suppress(ValueError):
        return kit.add_key(store, "new")
    return None


def add_token(store: SQLStore) -> None:
    """Add a reference token, unless the call before has stored it and got no answer."""
    with suppress(ValueError):
        store.add_reference_token(kit.token_of("new"))


READS: dict[str, Call] = {
    "find_api_key": kit.find_key,
    "find_reference_token": lambda store: store.find_reference_token(digest_of("token")),
    "find_session": lambda store: store.find_session("session"),
    "list_api_keys": lambda store: store.list_api_keys("alice"),
    "is_revoked": lambda store: store.is_revoked(token_id="t", session_id="session", user_id="alice", epoch=0),
    "list_sessions": lambda store: store.list_sessions("alice", cursor=None, limit=10),
    "list_rings": lambda store: store.list_rings(),
    "longest_leeway": lambda store: store.longest_leeway(),
    "longest_lifetime": lambda store: store.longest_lifetime(),
    "read_epoch": lambda store: store.read_epoch("alice"),
    "revocations_since": lambda store: store.revocations_since(None),
}
WRITES: dict[str, Call] = {
    "add_api_key": add_key,
    "add_reference_token": add_token,
    "end_session": lambda store: store.end_session("session", retention=DAY),
    "note_uses_of_api_keys": lambda store: store.note_uses_of_api_keys({kit.id_for("key"): DAY}),
    "purge": lambda store: store.purge(),
    "redeem": lambda store: store.redeem("session", generation=0, terms=TERMS),
    "report_ring": lambda store: store.report_ring(token_hex(8)),  # a ring that was not reported is written
    "revoke": lambda store: store.revoke(
        Revocation(kind="token", subject="t", value=0, expires_at=int((time.time() + 3600) * 1000))
    ),
    "revoke_api_key": lambda store: store.revoke_api_key(kit.id_for("key"), retention=DAY),
    "revoke_user": lambda store: store.revoke_user("alice", retention=DAY, api_keys=True),
    "spend": lambda store: store.spend("ticket", expires_at=kit.until(DAY)),
    "start_session": start,
}
INSPECTIONS: dict[str, Call] = {
    "create": lambda store: store.create(),
    "find_lost_tables": lambda store: store.inspection.find_lost_tables(),
    "find_risks": lambda store: store.inspection.find_risks(leeway=DAY, processes=1),
    "is_empty": lambda store: store.inspection.is_empty(),
    "is_outdated": lambda store: store.inspection.is_outdated(),
}
CALLS = READS | WRITES | INSPECTIONS
WITHOUT_A_QUESTION = {  # to the database
    "bind", "check_source", "close", "definitions", "explain_loss", "find_foreign_owner", "find_obstacle", "find_path",
    "ignore_risks", "use_sessions",
}  # fmt: skip
