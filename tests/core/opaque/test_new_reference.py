"""A new reference token is stored as its claims and its digest, never as itself."""

from datetime import timedelta

import msgspec

from flask_tokenauth.core.encoding.digests import digest_of, id_of
from flask_tokenauth.core.encoding.limits import YEAR_9999
from flask_tokenauth.core.opaque.checksummed_text import is_well_formed
from flask_tokenauth.core.opaque.new_reference import NewReferenceToken
from flask_tokenauth.core.records.reference_token import ReferenceToken

from ...conftest import NOW
from .kit import CountingStore


def keep(leeway: timedelta = timedelta(minutes=5), **claims: object) -> tuple[NewReferenceToken, ReferenceToken]:
    """Make a reference token, and return it with its record."""
    store = CountingStore()
    new = NewReferenceToken(store, leeway=leeway)  # type: ignore[arg-type]  # it has all that is used
    content: dict[str, object] = {"sub": "alice", "exp": int(NOW) + 900, **claims}

    new.keep(content, msgspec.json.encode(content))

    [record] = store.references.values()
    return new, record


def test_the_text_has_the_prefix_and_a_checksum() -> None:
    new, _ = keep()

    assert new.text.startswith("tr_")
    assert is_well_formed(new.text, "tr_")


def test_the_record_has_the_digest_and_the_claims() -> None:
    new, record = keep(epoch=7)

    assert record.digest == digest_of(new.text)
    assert (record.user_id, record.epoch) == ("alice", 7)
    assert record.claims == f'{{"sub":"alice","exp":{int(NOW) + 900},"epoch":7}}'


def test_the_token_id_is_the_beginning_of_the_digest() -> None:
    new, record = keep()

    assert new.token_id == record.token_id == id_of(record.digest)


def test_a_user_without_revocations_has_epoch_0() -> None:
    assert keep()[1].epoch == 0


def test_the_record_is_kept_until_no_server_accepts_the_token() -> None:
    """Two clocks may be wrong by the leeway each, and a revocation is kept for a minute more."""
    _, record = keep(timedelta(minutes=5))

    assert record.expires_at == (int(NOW) + 900 + 2 * 300 + 60) * 1000


def test_a_token_of_the_last_year_is_kept_until_its_end() -> None:
    assert keep(exp=YEAR_9999)[1].expires_at == YEAR_9999 * 1000


def test_two_tokens_differ() -> None:
    assert keep()[0].text != keep()[0].text


def test_neither_the_object_nor_the_record_shows_the_text() -> None:
    new, record = keep()

    assert new.text not in f"{new!r} {new} {record!r} {record}"
    assert new.token_id in repr(new)
