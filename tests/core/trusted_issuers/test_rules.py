"""How the tokens of a trusted issuer are judged: by its keys, its claims and its profile."""

import hmac
import json
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from flask_tokenauth.core.claim_errors import (
    IssuedInFuture,
    LifetimeTooLong,
    MalformedClaim,
    MissingClaim,
    TokenExpired,
    TokenNotYetValid,
    TrustOver,
    UnprovenBinding,
    WrongAudience,
)
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.form_errors import UnsupportedHeader
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.signature_errors import InvalidSignature, UnknownKey, WrongAlgorithm
from flask_tokenauth.core.token_errors import TokenError, WrongType
from flask_tokenauth.core.trusted_issuers.trusted_token import TrustedToken

from ...conftest import AUDIENCE, NOW, SECRET
from .rules_kit import KEY, LEEWAY, THEIRS, Source, judge, rules_with, sign

Outcome = AbstractContextManager[object]
GOOD = nullcontext()
ANY: dict[str, Any] = {"types": "*", "any_token": True}
UNTIL = "2027-01-31"


def test_a_good_token_is_accepted() -> None:
    token = judge(rules_with(scopes={"read": "reports:read"}), sign())

    assert (token.subject, token.issuer, token.token_id) == ("bob", THEIRS, "t1")
    assert token.scopes == {"reports:read"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "https://other.example"}, WrongAudience),
        ({"aud": ...}, MissingClaim),
        ({"aud": []}, WrongAudience),
        ({"aud": [AUDIENCE, 7]}, MalformedClaim),
        ({"exp": ...}, MissingClaim),
        ({"exp": "1"}, MalformedClaim),
        ({"exp": NOW - LEEWAY}, TokenExpired),
        ({"iat": NOW + LEEWAY + 1}, IssuedInFuture),
        ({"nbf": NOW + LEEWAY + 1}, TokenNotYetValid),
        ({"exp": NOW + 86401}, LifetimeTooLong),
        ({"jti": ...}, MissingClaim),
        ({"jti": ""}, MalformedClaim),
        ({"sub": ...}, MissingClaim),
        ({"sub": ""}, MalformedClaim),
        ({"sub": 42}, MalformedClaim),
        ({"sub": "a\x00"}, MalformedClaim),
        ({"cnf": {"jkt": "x"}}, UnprovenBinding),
        ({"typ": "JWT"}, WrongType),
        ({"typ": None}, WrongType),
        ({"typ": "dpop+jwt"}, WrongType),
        ({"key": Key.generate("ES256", kid="k1")}, InvalidSignature),
        ({"key": Key.generate("ES256", kid="k2")}, UnknownKey),
        ({"key": Key.generate("RS256", kid="k1")}, WrongAlgorithm),
        ({"key": Key.from_secret(KEY.public().to_pem().replace("-", "_"), kid="k1")}, WrongAlgorithm),
    ],
    ids=str,
)
def test_a_bad_token_is_refused(changes: dict[str, Any], error: type[TokenError]) -> None:
    with pytest.raises(error):
        judge(rules_with(), sign(**changes))


@pytest.mark.parametrize(
    "changes",
    [{"sid": 7}, {"epoch": "x"}, {"epoch": 10**30}, {"scope": ["a"]}, {"client_id": ["a"]}, {"auth_time": "x"}],
    ids=str,
)
def test_claims_that_mean_nothing_here_may_have_any_form(changes: dict[str, Any]) -> None:
    token = judge(rules_with(**ANY), sign(**changes))

    assert (token.session_id, token.epoch, token.subject) == (None, 0, "bob")


def test_a_foreign_session_or_epoch_is_none_of_ours() -> None:
    token = judge(rules_with(), sign(sid="s1", epoch=7))

    assert (token.session_id, token.epoch) == (None, 0)
    assert token.claims["sid"] == "s1"


def test_a_token_id_that_is_no_string_is_none() -> None:
    assert judge(library(), sign(jti=7, type="access")).token_id is None


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_the_type_is_a_media_type(typ: str) -> None:
    assert judge(rules_with(), sign(typ=typ)).subject == "bob"


@pytest.mark.parametrize("typ", ["ticket+jwt", "TICKET+JWT", "application/ticket+jwt"])
def test_a_ticket_is_no_access_token_even_if_any_token_is_one(typ: str) -> None:
    """Another application with this package has made it."""
    with pytest.raises(WrongType):
        judge(rules_with(**ANY), sign(typ=typ))
    assert judge(rules_with(**ANY), sign(typ="ticket")).subject == "bob"


@pytest.mark.parametrize("typ", ["JWT", "application/jwt", "at+jwt"])
def test_one_of_several_types_is_enough(typ: str) -> None:
    rules = rules_with(types=["JWT", "at+jwt"], any_token=True)

    assert judge(rules, sign(typ=typ)).subject == "bob"


@pytest.mark.parametrize("typ", [None, "logout+jwt"])
def test_none_of_several_types_is_refused(typ: str | None) -> None:
    with pytest.raises(WrongType):
        judge(rules_with(types=["JWT", "at+jwt"], any_token=True), sign(typ=typ))


def test_a_claim_of_other_tokens_refuses() -> None:
    with pytest.raises(WrongType):
        judge(rules_with(refused=["nonce"]), sign(nonce="n"))


@pytest.mark.parametrize("use", ["id", None, ["access"], ..., 7])
def test_an_expected_claim_must_have_one_of_its_values(use: object) -> None:
    rules = rules_with(types="*", expected={"use": ["access", "api"]})
    assert judge(rules, sign(use="api")).subject == "bob"

    with pytest.raises(WrongType):
        judge(rules, sign(use=use))


class TestAudience:
    """The audience, in ``aud`` or in the claim that names the client."""

    @pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["https://other.example", AUDIENCE]])
    def test_one_of_several_is_enough(self, aud: object) -> None:
        assert judge(rules_with(), sign(aud=aud)).subject == "bob"

    def test_another_claim_can_be_the_audience(self) -> None:
        rules = rules_with(audience_claim="azp", audience="spa")

        assert judge(rules, sign(aud=..., azp="spa")).subject == "bob"

    @pytest.mark.parametrize("azp", ["other", ..., None, ["spa"], {"spa": 1}])
    def test_another_client_is_refused(self, azp: object) -> None:
        with pytest.raises(WrongAudience):
            judge(rules_with(audience_claim="azp", audience="spa"), sign(aud=..., azp=azp))

    def test_a_token_that_has_an_audience_too_must_name_us_there(self) -> None:
        """RFC 7519 section 4.1.3."""
        rules = rules_with(audience_claim="azp", audience="spa")
        assert judge(rules, sign(aud="spa", azp="spa")).subject == "bob"

        with pytest.raises(WrongAudience):
            judge(rules, sign(aud="other", azp="spa"))


class TestUser:
    """The user, in one claim or several."""

    def test_several_claims_are_joined(self) -> None:
        assert judge(rules_with(user_claims=["tid", "oid"]), sign(sub=..., tid="t", oid="o")).subject == "t:o"

    @pytest.mark.parametrize("changes", [{"tid": "t:x"}, {"oid": "x:o"}, {"tid": ""}, {"oid": None}, {"oid": 7}])
    def test_parts_that_could_be_others_are_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(MalformedClaim):
            judge(rules_with(user_claims=["tid", "oid"]), sign(**{"tid": "t", "oid": "o"} | changes))

    def test_parts_that_are_too_long_together_are_refused(self) -> None:
        rules = rules_with(user_claims=["tid", "oid"])
        assert len(judge(rules, sign(tid="t" * 127, oid="o" * 127)).subject) == 255

        with pytest.raises(MalformedClaim):
            judge(rules, sign(tid="t" * 128, oid="o" * 127))

    def test_each_of_them_must_be_there(self) -> None:
        with pytest.raises(MissingClaim):
            judge(rules_with(user_claims=["tid", "oid"]), sign(tid="t"))

    def test_a_single_claim_may_have_a_colon(self) -> None:
        assert judge(rules_with(), sign(sub="system:serviceaccount:a")).subject == "system:serviceaccount:a"

    def test_numbers_are_users_of_libraries_that_write_them(self) -> None:
        assert judge(library(), sign(sub=42, type="access")).subject == "42"

    @pytest.mark.parametrize("sub", [True, 4.2, None, [42]])
    def test_other_values_are_not(self, sub: object) -> None:
        with pytest.raises(MalformedClaim):
            judge(library(), sign(sub=sub, type="access"))


def library(**changes: Any) -> Any:
    return rules_with(**{"profile": "flask-jwt-extended", "until": UNTIL, "revoked": "never"} | changes)


class TestScopes:
    """Their scopes, read from claims and mapped to ours."""

    @pytest.mark.parametrize(
        ("value", "ours"),
        [
            ("a b", {"x", "y"}),
            (["a", "b"], {"x", "y"}),
            (["a b"], set()),
            ("b", {"y"}),
            ("A", set()),
            ("", set()),
            ("  a", {"x"}),
            ([], set()),
            (None, set()),
            (..., set()),
        ],
    )
    def test_only_those_that_are_mapped_count(self, value: object, ours: set[str]) -> None:
        rules = rules_with(scopes={"a": "x", "b": ["y"], "c": "z"}, scope_claims=["scp"])

        assert judge(rules, sign(scp=value)).scopes == ours

    @pytest.mark.parametrize("value", [7, {"a": True}, ["a", 7], True, [["a"]]])
    def test_another_type_is_refused(self, value: object) -> None:
        with pytest.raises(MalformedClaim):
            judge(rules_with(scopes=["a"], scope_claims=["scp"]), sign(scp=value))

    def test_a_path_leads_to_a_member(self) -> None:
        rules = rules_with(scopes=["a"], scope_claims=["realm_access.roles"])

        assert judge(rules, sign(realm_access={"roles": ["a", "b"]})).scopes == {"a"}

    @pytest.mark.parametrize("value", [..., {}, "a", ["a"], {"roles": None}, {"role": ["a"]}])
    def test_a_path_that_leads_nowhere_has_no_scopes(self, value: object) -> None:
        rules = rules_with(scopes=["a"], scope_claims=["realm_access.roles"])

        assert judge(rules, sign(realm_access=value)).scopes == set()

    def test_a_name_with_dots_can_be_written_as_a_list(self) -> None:
        rules = rules_with(scopes=["a"], scope_claims=[["https://api.example/roles"]])

        roles: dict[str, Any] = {"https://api.example/roles": ["a"]}

        assert judge(rules, sign(**roles)).scopes == {"a"}

    def test_several_claims_add_up(self) -> None:
        rules = rules_with(scopes=["a", "b"], scope_claims=["scp", "roles"])

        assert judge(rules, sign(scp="a", roles=["b"])).scopes == {"a", "b"}

    def test_without_scopes_none_comes_through(self) -> None:
        assert judge(rules_with(), sign(scope="read tokenauth:introspect")).scopes == set()

    def test_a_role_can_be_mapped_to_a_scope_of_this_library(self) -> None:
        rules = rules_with(scopes={"read": "tokenauth:introspect"})

        assert judge(rules, sign()).scopes == {"tokenauth:introspect"}


class TestTimes:
    """Limits of the issuer's own, and the end of the trust."""

    @pytest.mark.parametrize(("lifetime", "outcome"), [(60, GOOD), (61, pytest.raises(LifetimeTooLong))])
    def test_its_longest_lifetime(self, lifetime: int, outcome: Outcome) -> None:
        rules, token = rules_with(max_lifetime=60), sign(exp=NOW + lifetime)

        with outcome:
            assert judge(rules, token).subject == "bob"

    @pytest.mark.parametrize(("late", "outcome"), [(2.999, GOOD), (3, pytest.raises(TokenExpired))])
    def test_its_leeway(self, late: float, outcome: Outcome) -> None:
        rules, token = rules_with(leeway=3), sign(exp=NOW + 900)

        with outcome:
            assert judge(rules, token, now=NOW + 900 + late).subject == "bob"

    def test_a_token_without_iat_is_measured_from_now(self) -> None:
        rules = library(max_lifetime=60)
        assert judge(rules, sign(type="access", iat=..., exp=NOW + 60)).subject == "bob"

        with pytest.raises(LifetimeTooLong):
            judge(rules, sign(type="access", iat=..., exp=NOW + 61))

    @pytest.mark.parametrize(
        ("before", "outcome"), [(1, GOOD), (0, pytest.raises(TrustOver)), (-1, pytest.raises(TrustOver))]
    )
    def test_the_trust_ends(self, before: int, outcome: Outcome) -> None:
        end = 1_801_353_600  # 2027-01-31
        rules = rules_with(until=UNTIL)
        token = sign(iat=end - 100, exp=end + 100)

        with outcome:
            assert judge(rules, token, now=end - before).subject == "bob"


class TestKeys:
    """Keys that are looked for, and parts of the header that bring their own."""

    def test_a_key_that_is_not_known_is_looked_for(self) -> None:
        new = Key.generate("ES256", kid="k2")
        rules = rules_with()
        source: Any = rules.keys
        source.found_later = [KEY.public(), new.public()]

        assert judge(rules, sign(key=new)).subject == "bob"
        assert source.looks == 1

    def test_a_new_key_with_the_id_of_an_old_one_for_another_algorithm_is_looked_for(self) -> None:
        new = Key.generate("EdDSA", kid="k1")
        rules = rules_with()
        source: Any = rules.keys
        source.found_later = [new.public()]

        assert judge(rules, sign(key=new)).subject == "bob"
        assert source.looks == 1

    def test_a_key_that_is_not_found_refuses(self) -> None:
        rules = rules_with()
        source: Any = rules.keys

        with pytest.raises(UnknownKey):
            judge(rules, sign(key=Key.generate("ES256", kid="k2")))

        assert source.looks == 1

    def test_other_refusals_look_for_nothing(self) -> None:
        rules = rules_with()
        assert isinstance(rules.keys, Source)

        with pytest.raises(InvalidSignature):
            judge(rules, sign(key=Key.generate("ES256", kid="k1")))

        assert rules.keys.looks == 0

    @pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
    def test_a_key_in_the_header_is_never_used(self, name: str) -> None:
        other = Key.generate("ES256", kid="mine")
        values: dict[str, object] = {
            "jku": "https://evil.example/keys",
            "x5u": "https://evil.example/cert",
            "jwk": other.public().to_jwk(),
            "x5c": ["AAAA"],
        }

        with pytest.raises((UnknownKey, InvalidSignature)):
            judge(rules_with(), with_header(other, kid="k1", **{name: values[name]}))

    @pytest.mark.parametrize(("name", "value"), [("crit", ["exp"]), ("b64", False)])
    def test_extensions_are_refused(self, name: str, value: object) -> None:
        with pytest.raises(UnsupportedHeader):
            judge(rules_with(), with_header(KEY, kid="k1", **{name: value}))


def with_header(key: Key, **members: object) -> str:
    """Return a token of the trusted issuer with another header."""
    header = base64url.encode(json.dumps({"alg": key.algorithm, "typ": "at+jwt", **members}).encode())
    payload = sign().split(".")[1].encode()
    signed = header + b"." + payload
    return (signed + b"." + base64url.encode(key.sign(signed))).decode()


@pytest.mark.parametrize("pem", ["to_pem", "to_pem_bare", "to_jwk"])
def test_a_public_key_as_hmac_secret_signs_nothing(pem: str) -> None:
    """RFC 8725 section 2.1."""
    public = Key.generate("RS256", kid="r1").public()
    encodings = {
        "to_pem": public.to_pem().encode(),
        "to_pem_bare": public.to_pem().strip().encode(),
        "to_jwk": str(public.to_jwk()["n"]).encode(),
    }
    for kid in ("r1", ""):
        header = base64url.encode(json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": kid}).encode())
        signed = header + b"." + sign().split(".")[1].encode()
        forged = signed + b"." + base64url.encode(hmac.digest(encodings[pem], signed, "sha256"))

        with pytest.raises((WrongAlgorithm, UnknownKey)):
            judge(rules_with(public), forged.decode())


def test_a_token_is_ours_alone_and_hides_its_rules() -> None:
    rules = rules_with()

    assert type(judge(rules, sign())) is TrustedToken
    assert repr(rules) == f"<IssuerRules of {THEIRS}>"


def test_a_secret_of_a_library_judges_its_tokens_whatever_their_key_id() -> None:
    key = Key.from_secret(SECRET, kid="x")
    rules = library()
    source: Any = rules.keys
    source.keys = type(source.keys)([(None, key)])

    assert judge(rules, sign(key=key, typ="JWT", type="access")).subject == "bob"
