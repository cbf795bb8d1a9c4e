"""Reference tokens through their whole life: a view cannot tell them from JWTs but by ``kind``."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import (
    SettingsError,
    StoreUnavailable,
    Token,
    TokenAuth,
    TokenError,
    create_token,
    require_claim,
    token_accepted,
)
from flask_tokenauth.core import Key, KeySet
from flask_tokenauth.core.encoding.digests import digest_of, id_of
from flask_tokenauth.core.opaque.checksummed_text import is_well_formed
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import AUDIENCE, ISSUER, NOW, MakeApp, StandingClock, bearer, whoami
from ..devices import introspect, log_out, revoke
from ..kit import SignalLog, claims_of, refresh, refreshed, sign_in, store_of, unavailable
from ..old_libraries import add_trade_view, entry, old_claims, sign_old, traded
from .conftest import MakeWorker
from .kit import AUTH, Wait, get, make_key, make_reference, revoke_user, status

BY_DEFAULT = {"TOKENAUTH_TOKEN_FORMAT": "reference"}
OTHER = "https://other.example"


def facts_of(app: Flask, text: str) -> dict[str, Any]:
    """Return what a view sees of a token."""
    answer = get(app, "/token", text)
    assert answer.status_code == 200
    seen: dict[str, Any] = answer.get_json()
    return seen


# create_token


def test_a_reference_token_is_a_random_string_with_a_checksum(app: Flask) -> None:
    text = make_reference(app)

    assert text.startswith("tr_")
    assert is_well_formed(text, "tr_")
    assert make_reference(app) != text


def test_a_view_sees_the_same_but_the_kind(app: Flask) -> None:
    options: dict[str, Any] = {"claims": {"team": "blue"}, "auth_time": datetime.fromtimestamp(NOW - 5, UTC)}
    with app.app_context():
        jwt = create_token("alice", ["reports:read"], format="jwt", **options)
    reference = make_reference(app, **options)

    seen, of_jwt = facts_of(app, reference), facts_of(app, jwt)

    assert (seen.pop("kind"), of_jwt.pop("kind")) == ("reference", "jwt")
    assert seen["claims"].pop("jti") == id_of(digest_of(reference))
    assert of_jwt["claims"].pop("jti") == claims_of(jwt)["jti"]
    assert seen == of_jwt


@pytest.mark.parametrize("form", [None, "jwt"])
def test_the_default_is_a_jwt(app: Flask, form: Any) -> None:
    with app.app_context():
        assert create_token("alice", format=form).count(".") == 2


@pytest.mark.parametrize(("form", "prefix"), [(None, "tr_"), ("reference", "tr_"), ("jwt", "eyJ")])
def test_the_setting_makes_reference_tokens_the_default(make_worker: MakeWorker, form: Any, prefix: str) -> None:
    with make_worker(**BY_DEFAULT).app_context():
        assert create_token("alice", format=form).startswith(prefix)


@pytest.mark.parametrize("form", ["opaque", "JWT", "", 5, True, ["jwt"]])
def test_another_format_is_refused(app: Flask, form: Any) -> None:
    with app.app_context(), pytest.raises(ValueError, match='format must be "jwt" or "reference"'):
        create_token("alice", format=form)


def test_without_a_store_there_are_no_reference_tokens(make_app: MakeApp) -> None:
    app = make_app()

    with pytest.raises(SettingsError, match="TOKENAUTH_STORE"):
        make_reference(app)


def test_no_key_is_needed_for_a_reference_token(make_worker: MakeWorker) -> None:
    """An application that only verifies JWTs can issue reference tokens."""
    app = make_worker(TOKENAUTH_KEYS=KeySet([Key.generate("EdDSA").public()]))

    assert status(app, make_reference(app)) == 200


MISTAKES: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "an undeclared scope": ({"scopes": ["reports:delete"]}, ValueError),
    "a long life": ({"expires_in": timedelta(days=2)}, ValueError),
    "no life": ({"expires_in": 0}, ValueError),
    "a reserved claim": ({"claims": {"sub": "bob"}}, ValueError),
    "no JSON value": ({"claims": {"x": object()}}, ValueError),
    "too long": ({"claims": {"x": "y" * 9000}}, ValueError),
    "one string of scopes": ({"scopes": "reports:read"}, TypeError),
}


@pytest.mark.parametrize(("options", "error"), MISTAKES.values(), ids=MISTAKES)
def test_a_reference_token_that_would_be_refused_is_not_stored(
    make_worker: MakeWorker, store: MemoryStore, options: dict[str, Any], error: type[Exception]
) -> None:
    app = make_worker(TOKENAUTH_SCOPES={"reports:read": ""})

    with pytest.raises(error):
        make_reference(app, **options)

    assert len(store._reference_tokens.rows) == 0


def test_an_outage_reaches_the_caller(app: Flask, signal_log: SignalLog) -> None:
    with unavailable(store_of(app), "add_reference_token"), pytest.raises(StoreUnavailable):
        make_reference(app)

    assert signal_log.issued == []


def test_token_issued_says_the_same_as_for_a_jwt(app: Flask, signal_log: SignalLog) -> None:
    make_reference(app, expires_in=60)

    assert signal_log.issued == [
        {
            "user_id": "alice",
            "scopes": frozenset({"reports:read"}),
            "audience": None,
            "expires_in": timedelta(seconds=60),
        }
    ]


# Use


def test_token_accepted_is_sent(app: Flask) -> None:
    text, told = make_reference(app), []

    def note(_: Flask, **facts: Any) -> None:
        told.append(facts)

    with token_accepted.connected_to(note, sender=app):
        status(app, text)

    assert told == [{"user_id": "alice", "scopes": frozenset({"reports:read"})}]


def test_token_check_decides_about_reference_tokens(make_worker: MakeWorker, signal_log: SignalLog) -> None:
    auth: TokenAuth[Any] = TokenAuth()

    @auth.token_check
    def check(token: Token) -> bool:
        return token.subject == "alice"

    app = make_worker(auth=auth)

    assert [status(app, make_reference(app, user_id)) for user_id in ("alice", "bob")] == [200, 401]
    assert signal_log.reasons == ["token_rejected"]


@pytest.mark.parametrize(("passed", "answer"), [(909.9, 200), (910, 401)])
@pytest.mark.parametrize("remembered", [True, False])
def test_a_reference_token_expires_at_its_second_and_the_leeway(
    app: Flask, wait: Wait, passed: float, answer: int, *, remembered: bool
) -> None:
    text = make_reference(app)
    wait(870)
    if remembered:
        assert status(app, text) == 200
    wait(passed - 870)

    assert status(app, text) == answer


def test_an_expired_token_says_so(app: Flask, wait: Wait, signal_log: SignalLog) -> None:
    text = make_reference(app)
    wait(910)

    assert get(app, "/me", text).get_json()["error_description"] == "The access token has expired."
    assert signal_log.reasons == ["token_expired"]


@pytest.mark.slow
@pytest.mark.parametrize(("age", "answer"), [(60, 200), (61, 401), (None, 401)])
def test_max_age_counts_from_auth_time(app: Flask, age: int | None, answer: int) -> None:
    auth_time = None if age is None else datetime.fromtimestamp(NOW - age, UTC)

    refused = get(app, "/recent", make_reference(app, auth_time=auth_time))

    assert refused.status_code == answer
    assert ('max_age="60"' in refused.headers.get("WWW-Authenticate", "")) is (answer == 401)


def test_claims_count_for_guards(app: Flask) -> None:
    app.add_url_rule("/team", view_func=require_claim("team", "blue")(whoami()), endpoint="team")

    texts = [make_reference(app, claims={"team": team}) for team in ("blue", "red")]

    assert [status(app, text, "/team") for text in texts] == [200, 403]


def test_another_application_of_the_issuer_accepts_it(make_worker: MakeWorker) -> None:
    text = make_reference(make_worker())

    assert status(make_worker(), text) == 200
    assert status(make_worker(TOKENAUTH_AUDIENCE=OTHER), text) == 401


def test_auth_verify_takes_audience_and_kinds(app: Flask) -> None:
    text, for_other = make_reference(app), make_reference(app, audience=OTHER)

    with app.app_context():
        assert AUTH.verify(text).kind == "reference"
        assert AUTH.verify(for_other, audience=[OTHER]).audience == {OTHER}
        refusals = []
        for options in ({"text": for_other}, {"text": text, "audience": OTHER}, {"text": text, "accept": ("jwt",)}):
            with pytest.raises(TokenError) as caught:
                AUTH.verify(**options)
            refusals.append(caught.value.reason)

    assert refusals == ["audience_wrong", "audience_wrong", "kind_not_accepted"]


def test_a_deleted_row_is_an_unknown_token(app: Flask, store: MemoryStore, signal_log: SignalLog) -> None:
    text = make_reference(app)
    store._reference_tokens.rows.clear()

    assert status(app, text) == 401
    assert signal_log.reasons == ["token_unknown"]


# Revocation


def revoke_in_view(app: Flask, text: str) -> None:
    with app.test_request_context(headers=bearer(text)):
        AUTH.revoke_token()


def revoke_by_id(app: Flask, text: str, expires_at: datetime | None = None) -> None:
    with app.app_context():
        AUTH.revoke_token(id_of(digest_of(text)), expires_at=expires_at)


ENDS: dict[str, Callable[[Flask, str], object]] = {
    "the token of the request": revoke_in_view,
    "its ID": revoke_by_id,
    "its ID and its end": lambda app, text: revoke_by_id(app, text, datetime.fromtimestamp(NOW + 900, UTC)),
    "the endpoint": revoke,
    "its user": lambda app, text: revoke_user(app, api_keys=False),
    "its user with API keys": lambda app, text: revoke_user(app, api_keys=True),
}
each_end = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)


@each_end
def test_a_revoked_token_is_refused_in_each_worker_that_remembers_it(
    make_worker: MakeWorker, wait: Wait, end: Callable[[Flask, str], object]
) -> None:
    one, two, three = (make_worker() for _ in range(3))
    text, of_bob = make_reference(one), make_reference(one, "bob")
    assert [status(worker, text) for worker in (one, two, three)] == [200, 200, 200]

    end(one, text)

    assert status(one, text) == 401
    wait(1)
    assert [status(worker, text) for worker in (one, two, three)] == [401, 401, 401]
    assert [status(worker, of_bob) for worker in (one, two, three)] == [200, 200, 200]


@each_end
def test_strict_feels_a_revocation_at_once(make_worker: MakeWorker, end: Callable[[Flask, str], object]) -> None:
    one, two = (make_worker(TOKENAUTH_REVOCATION="strict") for _ in range(2))
    text = make_reference(one)
    assert [status(worker, text) for worker in (one, two)] == [200, 200]

    end(one, text)

    assert [status(worker, text) for worker in (one, two)] == [401, 401]


@each_end
def test_a_revoked_token_stays_refused_where_it_was_never_seen(
    make_worker: MakeWorker, wait: Wait, end: Callable[[Flask, str], object]
) -> None:
    app = make_worker(TOKENAUTH_ACCESS_LIFETIME=timedelta(hours=24))
    text = make_reference(app)
    end(app, text)
    wait(23 * 3600)

    assert status(make_worker(), text) == 401


def test_revoking_sends_the_signal_of_tokens(app: Flask, signal_log: SignalLog) -> None:
    text = make_reference(app)

    for _ in range(2):
        assert revoke(app, text).status_code == 200

    facts = {"token_id": id_of(digest_of(text)), "user_id": "alice"}
    assert signal_log.sessions == [("tokenauth-token-revoked", facts)]


def test_after_a_revocation_the_next_token_is_good(app: Flask) -> None:
    before = make_reference(app)
    revoke_user(app, api_keys=False)
    after = make_reference(app)

    assert [status(app, text) for text in (before, after)] == [401, 200]


# Sessions


def test_a_session_gives_out_reference_tokens(make_worker: MakeWorker) -> None:
    app = make_worker(**BY_DEFAULT)

    login = sign_in(app, scopes=["reports:read"])
    next_login = refreshed(app, login["refresh_token"])

    assert [each["access_token"][:3] for each in (login, next_login)] == ["tr_", "tr_"]
    assert [each["expires_in"] for each in (login, next_login)] == [900, 900]
    seen = facts_of(app, login["access_token"])
    assert seen["claims"]["sid"] == facts_of(app, next_login["access_token"])["claims"]["sid"]
    assert seen["claims"]["auth_time"] == NOW
    assert (seen["claims"]["iss"], seen["claims"]["aud"], seen["scopes"]) == (ISSUER, AUDIENCE, ["reports:read"])


def test_a_refresh_can_ask_for_fewer_scopes(make_worker: MakeWorker) -> None:
    app = make_worker(**BY_DEFAULT)
    login = sign_in(app, scopes=["reports:read", "admin"])

    narrow = refreshed(app, login["refresh_token"], scope="admin")

    assert facts_of(app, narrow["access_token"])["scopes"] == ["admin"]


@pytest.mark.parametrize("mode", ["feed", "strict"])
def test_a_log_out_ends_the_reference_tokens_of_the_session(make_worker: MakeWorker, wait: Wait, mode: str) -> None:
    one, two = (make_worker(**BY_DEFAULT, TOKENAUTH_REVOCATION=mode) for _ in range(2))
    login, other = sign_in(one), sign_in(one)
    tokens = [login["access_token"], refreshed(one, login["refresh_token"])["access_token"]]
    assert [status(worker, text, "/me") for worker in (one, two) for text in tokens] == [200] * 4

    assert log_out(one, tokens[0]).status_code == 204

    assert [status(one, text, "/me") for text in tokens] == [401, 401]
    wait(1)
    assert [status(two, text, "/me") for text in tokens] == [401, 401]
    assert status(two, other["access_token"], "/me") == 200
    assert refresh(two, login["refresh_token"]).status_code == 400


def test_a_used_refresh_token_ends_the_reference_tokens(make_worker: MakeWorker, wait: Wait) -> None:
    app = make_worker(**BY_DEFAULT)
    login = sign_in(app)
    second = refreshed(app, login["refresh_token"])
    wait(60)

    assert refresh(app, login["refresh_token"]).status_code == 400

    assert [status(app, each["access_token"], "/me") for each in (login, second)] == [401, 401]


def test_a_login_whose_token_cannot_be_stored_leaves_no_session(make_worker: MakeWorker, store: MemoryStore) -> None:
    app = make_worker(**BY_DEFAULT)

    with unavailable(store_of(app), "add_reference_token"), pytest.raises(StoreUnavailable):
        sign_in(app)

    assert store.list_sessions("alice", cursor=None, limit=10).sessions == ()


def test_a_refresh_whose_token_cannot_be_stored_spends_no_refresh_token(make_worker: MakeWorker) -> None:
    app = make_worker(**BY_DEFAULT)
    login = sign_in(app)

    with unavailable(store_of(app), "add_reference_token"):
        assert refresh(app, login["refresh_token"]).status_code == 503

    assert refresh(app, login["refresh_token"]).status_code == 200


def test_a_login_after_a_revocation_of_the_user_has_the_new_epoch(make_worker: MakeWorker, wait: Wait) -> None:
    app = make_worker(**BY_DEFAULT)
    stolen = sign_in(app)
    revoke_user(app, api_keys=False)
    login = sign_in(app)
    wait(1)

    worker = make_worker()

    assert [status(worker, each["access_token"], "/me") for each in (stolen, login)] == [401, 200]


def test_a_trade_gives_a_reference_token(make_worker: MakeWorker, clock: StandingClock) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    app = make_worker(auth=auth, TOKENAUTH_TRUSTED_ISSUERS=(entry(),), **BY_DEFAULT)
    add_trade_view(app, auth)

    login = traded(app, sign_old(old_claims(int(clock.now))))

    assert login["access_token"].startswith("tr_")
    assert status(app, login["access_token"], "/me") == 200


# Introspection


def test_introspection_describes_a_reference_token(app: Flask) -> None:
    service = make_key(app, "service", ["tokenauth:introspect"]).text
    text = make_reference(app, claims={"team": "blue"})

    assert introspect(app, service, text).get_json() == {
        "active": True,
        "token_type": "Bearer",
        "iss": ISSUER,
        "sub": "alice",
        "aud": AUDIENCE,
        "exp": NOW + 900,
        "iat": NOW,
        "jti": id_of(digest_of(text)),
        "client_id": ISSUER,
        "scope": "reports:read",
        "team": "blue",
    }


@each_end
def test_introspection_knows_revocations_of_other_workers_at_once(
    make_worker: MakeWorker, end: Callable[[Flask, str], object]
) -> None:
    one, two = make_worker(), make_worker()
    service, text = make_key(one, "service", ["tokenauth:introspect"]).text, make_reference(one)
    assert introspect(two, service, text).get_json()["active"] is True

    end(one, text)

    assert introspect(two, service, text).get_json() == {"active": False}


def test_introspection_knows_the_end_of_the_session_at_once(make_worker: MakeWorker) -> None:
    one, two = (make_worker(**BY_DEFAULT) for _ in range(2))
    service, login = make_key(one, "service", ["tokenauth:introspect"]).text, sign_in(one)
    assert introspect(two, service, login["access_token"]).get_json()["active"] is True

    log_out(one, login["access_token"])

    assert introspect(two, service, login["access_token"]).get_json() == {"active": False}


def test_a_service_of_another_audience_learns_nothing(make_worker: MakeWorker) -> None:
    app, other = make_worker(), make_worker(TOKENAUTH_AUDIENCE=OTHER)
    service = make_reference(other, "service", ["tokenauth:introspect"])

    assert introspect(other, service, make_reference(app)).get_json() == {"active": False}
    assert introspect(other, service, make_reference(app, audience=OTHER)).get_json()["active"] is True


# "off"


def test_with_revocation_off_the_store_is_asked_for_each_request(
    make_worker: MakeWorker, signal_log: SignalLog
) -> None:
    app = make_worker(TOKENAUTH_API_KEYS=False, TOKENAUTH_REVOCATION="off", **BY_DEFAULT)
    login = sign_in(app)
    assert status(app, login["access_token"], "/me") == 200

    log_out(app, login["access_token"])

    assert status(app, login["access_token"], "/me") == 200
    answer = revoke(app, login["access_token"])
    assert (answer.status_code, answer.get_json()["error"]) == (400, "unsupported_token_type")
