"""``ExchangeAuth`` with each HTTP client and real servers: who gets the token, and who never does."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from flask import Flask

from flask_tokenauth import NotAuthenticated, NotPermitted
from flask_tokenauth.core.tokens.unverified import parse_unverified

from ..conftest import ISSUER, StandingClock, bearer
from ..core.trusted_issuers.rules_kit import issuer_with, sign
from ..guards.kinds_kit import HEADER, add_api_key, looked_up
from ..lifecycle.looked_up.kit import make_reference
from .clients import OTHER, Client
from .conftest import MakeExchangeApp, token_of
from .services import REFUSAL, Answer, Service, redirect

REDIRECTS = (301, 302, 303, 307, 308)
BODY = b"a body" * 20_000


def claims_of(header: str | None) -> dict[str, Any]:
    scheme, _, text = str(header).partition(" ")
    assert scheme == "Bearer"
    return dict(parse_unverified(text).claims or {})


def test_a_request_carries_a_token_for_the_service(as_alice: str, client: Client, service: Service) -> None:
    auth = client.auth([service.url], scopes=["reports:read"], expires_in=60)

    assert client.send(auth, f"{service.url}/x?a=1").status == 200

    [seen] = service.seen
    claims = claims_of(seen.token)
    assert (claims["sub"], claims["aud"], claims["scope"]) == ("alice", OTHER, "reports:read")
    assert claims["exp"] - claims["iat"] == 60
    assert claims["act"] == {"sub": ISSUER}
    assert seen.path == "/x?a=1"
    assert as_alice not in str(seen)


def test_the_token_replaces_another_credential(as_alice: str, client: Client, service: Service) -> None:
    client.send(client.auth([service.url]), service.url, headers={"Authorization": "Basic YTpi"})

    assert claims_of(service.seen[0].token)["sub"] == "alice"


def test_a_second_request_carries_the_same_token(as_alice: str, client: Client, service: Service) -> None:
    auth = client.auth([service.url])

    client.send(auth, service.url)
    client.send(auth, service.url)

    assert len(service.tokens) == 2
    assert len(set(service.tokens)) == 1


def test_a_request_to_another_origin_is_not_sent(
    as_alice: str, client: Client, service: Service, foreign: Service
) -> None:
    auth = client.auth([service.url])

    with pytest.raises(ValueError, match=rf"^the URL must have one of the origins .*{foreign.url}: .*"):
        client.send(auth, f"{foreign.url}/secret")
    with pytest.raises(ValueError, match=r"^the URL must have one of the origins"):
        client.send(auth, service.url.replace("//", "//user:hunter@"))

    assert foreign.seen == service.seen == []


@pytest.mark.slow
@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_to_another_server_carries_no_token_and_neither_does_a_redirect_back(
    as_alice: str, client: Client, service: Service, foreign: Service, status: int
) -> None:
    service.answers = lambda seen: Answer() if seen.path == "/end" else redirect(f"{foreign.url}/", status)
    foreign.answers = lambda seen: redirect(f"{service.url}/end", status)

    assert client.send(client.auth([service.url]), f"{service.url}/start", "POST").status == 200

    assert [(seen.path, seen.token is not None) for seen in service.seen] == [("/start", True), ("/end", False)]
    assert [seen.headers.get("authorization") for seen in foreign.seen] == [None]
    assert "eyJ" not in str(foreign.seen)


@pytest.mark.parametrize(
    "location",
    [
        lambda mine, other: other.replace("http:", ""),
        lambda mine, other: mine.replace("http:", "https:"),
        lambda mine, other: mine.replace("127.0.0.1", "localhost"),
        lambda mine, other: f"{mine}@{other.partition('//')[2]}/",
    ],
    ids=["no scheme", "https", "localhost", "user"],
)
def test_the_scheme_the_host_and_the_port_of_a_redirect_must_be_the_same(
    as_alice: str, client: Client, service: Service, foreign: Service, location: Callable[[str, str], str]
) -> None:
    service.answer_in_turn(redirect(location(service.url, foreign.url)), Answer())

    with suppress(requests.ConnectionError, httpx.ConnectError):  # no server speaks TLS
        client.send(client.auth([service.url]), service.url)

    assert service.tokens[1:] in ([], [None])
    assert foreign.tokens in ([], [None])


def test_a_redirect_between_two_origins_carries_no_token(
    as_alice: str, client: Client, service: Service, foreign: Service
) -> None:
    service.answer_in_turn(redirect(foreign.url))

    assert client.send(client.auth([service.url, foreign.url]), service.url).status == 200

    assert foreign.tokens == [None]


def test_a_redirect_within_the_service_carries_the_token(as_alice: str, client: Client, service: Service) -> None:
    service.answer_in_turn(redirect("/orders/", 308), Answer())

    assert client.send(client.auth([service.url]), f"{service.url}/orders").status == 200

    assert service.tokens[0] == service.tokens[1] is not None


def test_after_a_401_the_request_is_sent_once_more_with_a_new_token(
    as_alice: str, client: Client, service: Service
) -> None:
    service.answer_in_turn(REFUSAL, Answer(body=b"done"))
    auth = client.auth([service.url])

    assert client.send(auth, service.url, "POST", content=BODY) == (200, "done", [401])

    first, second = service.tokens
    assert first != second
    assert claims_of(first)["sub"] == claims_of(second)["sub"] == "alice"
    assert service.bodies == [BODY, BODY]

    client.send(auth, service.url)
    assert service.tokens[2] == second


def test_a_second_401_is_the_answer(as_alice: str, client: Client, service: Service) -> None:
    service.answers = lambda seen: REFUSAL

    assert client.send(client.auth([service.url]), service.url) == (401, "refused", [401])

    assert len(service.seen) == len(set(service.tokens)) == 2


@pytest.mark.parametrize("status", [400, 402, 403, 407, 503])
def test_other_refusals_are_the_answer_at_once(as_alice: str, client: Client, service: Service, status: int) -> None:
    service.answers = lambda seen: Answer(status)

    assert client.send(client.auth([service.url]), service.url).status == status

    assert len(service.seen) == 1


def test_a_401_of_another_server_is_the_answer_and_no_token_gets_there(
    as_alice: str, client: Client, service: Service, foreign: Service
) -> None:
    service.answer_in_turn(redirect(foreign.url))
    foreign.answers = lambda seen: REFUSAL

    assert client.send(client.auth([service.url]), service.url).status == 401

    assert foreign.tokens == [None]
    assert len(service.seen) == 1


def test_a_401_after_a_redirect_there_and_back_is_the_answer(
    as_alice: str, client: Client, service: Service, foreign: Service
) -> None:
    service.answer_in_turn(redirect(foreign.url), REFUSAL)
    foreign.answers = lambda seen: redirect(service.url)

    assert client.send(client.auth([service.url]), service.url).status == 401

    assert service.tokens[1:] == [None]


@pytest.mark.slow
@pytest.mark.parametrize("status", [302, 307])
def test_a_401_after_a_redirect_within_the_service_is_answered_there(
    as_alice: str, client: Client, service: Service, status: int
) -> None:
    service.answer_in_turn(redirect("/orders/", status), REFUSAL, Answer())

    assert client.send(client.auth([service.url]), f"{service.url}/orders", "POST", content=BODY).status == 200

    assert [seen.path for seen in service.seen] == ["/orders", "/orders/", "/orders/"]
    assert service.tokens[0] == service.tokens[1] != service.tokens[2]
    assert service.bodies == ([BODY, b"", b""] if status == 302 else [BODY] * 3)


def test_after_the_second_request_a_redirect_carries_the_new_token_only_within_the_service(
    as_alice: str, client: Client, service: Service, foreign: Service
) -> None:
    service.answer_in_turn(REFUSAL, redirect("/a"), redirect(foreign.url))

    assert client.send(client.auth([service.url]), service.url).status == 200

    assert service.tokens[1] == service.tokens[2] != service.tokens[0]
    assert foreign.tokens == [None]


def test_a_generator_is_sent_once(as_alice: str, client: Client, service: Service) -> None:
    service.answers = lambda seen: REFUSAL

    def parts() -> Iterator[bytes]:
        yield b"one"
        yield b"two"

    result = client.send(client.auth([service.url]), service.url, "POST", content=parts())

    assert result == (401, "refused", [])
    assert service.bodies == [b"onetwo"]


def test_a_form_with_a_file_is_sent_again(as_alice: str, client: Client, service: Service, tmp_path: Path) -> None:
    service.answer_in_turn(REFUSAL, Answer())
    (tmp_path / "a").write_bytes(BODY)

    with (tmp_path / "a").open("rb") as file:
        result = client.send(client.auth([service.url]), service.url, "POST", files={"a": file}, data={"b": "c"})

    assert result.status == 200
    assert service.bodies[0] == service.bodies[1]
    assert BODY in service.bodies[1]


def test_a_reference_token_is_exchanged_too(
    make_exchange_app: MakeExchangeApp, client: Client, service: Service, store: Any
) -> None:
    app = make_exchange_app(**looked_up(store))

    with app.test_request_context("/", headers=bearer(make_reference(app))):
        client.send(client.auth([service.url]), service.url)

    assert claims_of(service.seen[0].token)["sub"] == "alice"


def test_an_anonymous_request_and_a_bad_token_send_nothing(exchanging: Flask, client: Client, service: Service) -> None:
    for headers in ({}, bearer("a.b.c")):
        with exchanging.test_request_context("/", headers=headers), pytest.raises(NotAuthenticated):
            client.send(client.auth([service.url]), service.url)

    assert service.seen == []


def test_an_api_key_and_a_token_of_a_trusted_issuer_send_nothing(
    make_exchange_app: MakeExchangeApp, client: Client, service: Service, store: Any
) -> None:
    app = make_exchange_app(**looked_up(store), TOKENAUTH_TRUSTED_ISSUERS=[issuer_with()])

    for headers, error in (({HEADER: add_api_key(store)}, NotPermitted), (bearer(sign()), NotAuthenticated)):
        with app.test_request_context("/", headers=headers), pytest.raises(error):
            client.send(client.auth([service.url]), service.url)

    assert service.seen == []


def test_without_a_request_nothing_is_sent(exchanging: Flask, client: Client, service: Service) -> None:
    with exchanging.app_context(), pytest.raises(RuntimeError, match="needs a request"):
        client.send(client.auth([service.url]), service.url)

    assert service.seen == []


def test_a_scope_that_the_user_lacks_sends_nothing(as_alice: str, client: Client, service: Service) -> None:
    with pytest.raises(NotPermitted):
        client.send(client.auth([service.url], scopes=["reports:write"]), service.url)

    assert service.seen == []


def test_if_the_token_of_the_request_has_expired_meanwhile_the_second_request_is_an_error(
    as_alice: str, client: Client, service: Service, clock: StandingClock
) -> None:
    def expire(_: object) -> Answer:
        clock.now += 900
        return REFUSAL

    service.answers = expire

    with pytest.raises(NotAuthenticated):
        client.send(client.auth([service.url]), service.url)

    assert len(service.seen) == 1


def test_users_have_tokens_of_their_own(exchanging: Flask, client: Client, service: Service) -> None:
    auth = client.auth([service.url])
    tokens = {user: token_of(exchanging, user) for user in ("alice", "bob")}

    for user in ("alice", "bob", "alice"):
        with exchanging.test_request_context("/", headers=bearer(tokens[user])):
            client.send(auth, service.url)

    assert [claims_of(token)["sub"] for token in service.tokens] == ["alice", "bob", "alice"]
    assert service.tokens[0] == service.tokens[2]


def test_a_view_can_be_a_coroutine_function_or_not(exchanging: Flask, client: Client, service: Service) -> None:
    auth = client.auth([service.url])
    exchanging.add_url_rule("/plain", "plain", lambda: str(client.send(auth, service.url).status))

    answer = exchanging.test_client().get("/plain", headers=bearer(token_of(exchanging)))

    assert answer.text == "200"
