"""Attacks on the JSON of header and payload: encodings, grammar, depth (RFC 8259, RFC 8725 section 3.7)."""

from collections.abc import Iterator

from tests.attacks.kit import CLAIMS, Case, Group, Json, compact, dump, jws_header, jwt_header, signer

_DEPTH = 32  # levels of objects and arrays that are read, the outermost included


def _groups() -> tuple[Group, Group]:
    """Return the groups of headers, which the signature layer checks, and of payloads, which the verifier checks."""
    key = signer("HS256").public
    return (
        Group(name="header-json", layer="jws", control="control-jws-hs256", key=key, reason="token_malformed"),
        Group(name="payload-json", layer="jwt", control="control-jwt-hs256", key=key, reason="token_malformed"),
    )


def _both(name: str, header: bytes | None, payload: bytes | None, idea: str) -> Iterator[Case]:
    """Sign a header, a payload, or each of them in turn, exactly as they are."""
    by, (in_header, in_payload) = signer("HS256"), _groups()
    if header is not None:
        yield in_header.reject(name, compact(header, CLAIMS, by), f"The header is {idea}.")
    if payload is not None:
        yield in_payload.reject(name, compact(jwt_header(by), payload, by), f"The payload is {idea}.")


def _header(**changes: object) -> bytes:
    return dump(jws_header(signer("HS256"), **changes))


def _claims(**changes: object) -> bytes:
    return dump({**CLAIMS, **changes})


def encoding_cases() -> Iterator[Case]:
    header, claims = _header().decode(), _claims().decode()
    accented_header, accented_claims = _header(x="caf\u00e9").decode(), _claims(x="caf\u00e9").decode()
    for name, encoding, mark, idea in (
        ("utf-16-le", "utf-16-le", "", "in UTF-16, which RFC 4627 let readers detect"),
        ("utf-16-mark", "utf-16-be", "\ufeff", "in UTF-16 with a byte order mark"),
        ("utf-32-le", "utf-32-le", "", "in UTF-32, which RFC 4627 let readers detect"),
        ("utf-8-mark", "utf-8", "\ufeff", "preceded by a byte order mark (RFC 8259 section 8.1)"),
    ):
        yield from _both(name, (mark + header).encode(encoding), (mark + claims).encode(encoding), idea)
    utf_7 = header.replace('"', "+ACI-").encode(), claims.replace('"', "+ACI-").encode()
    yield from _both("utf-7", *utf_7, "in UTF-7")
    latin = accented_header.encode("latin-1"), accented_claims.encode("latin-1")
    yield from _both("latin-1", *latin, "in Latin-1, so that an accented letter is no UTF-8")
    for name, octets, idea in (
        ("overlong", b"\xc1\xa1", "in UTF-8 with a letter spelled too long"),
        ("raw-surrogate", b"\xed\xa0\x80", "in UTF-8 with half a surrogate pair"),
    ):
        in_header = accented_header.encode().replace("\u00e9".encode(), octets)
        in_payload = accented_claims.encode().replace("\u00e9".encode(), octets)
        yield from _both(name, in_header, in_payload, idea)
    by, (header_group, payload_group) = signer("HS256"), _groups()
    token = compact(accented_header.encode(), CLAIMS, by)
    yield header_group.accept("control-accent", token, "No attack: an unknown parameter whose value is not ASCII.")
    token = compact(jwt_header(by), accented_claims.encode(), by)
    yield payload_group.accept("control-accent", token, "No attack: a claim whose value is not ASCII.")


_GRAMMAR = (  # the first and the last octets, placed around the members
    ("line-comment", b"{", b"//\n}", "JSON with a comment to the end of a line"),
    ("block-comment", b"{/**/", b"}", "JSON with a comment inside"),
    ("trailing-comma", b"{", b",}", "JSON with a comma at its end"),
    ("nan", b'{"x":NaN,', b"}", "JSON with NaN, which Python reads"),
    ("infinity", b'{"x":Infinity,', b"}", "JSON with Infinity, which Python reads"),
    ("hexadecimal", b'{"x":0x10,', b"}", "JSON with a hexadecimal number"),
    ("leading-zero", b'{"x":01,', b"}", "JSON with a leading zero"),
    ("single-quotes", b"{'x':1,", b"}", "JSON with single quotes"),
    ("bare-name", b"{x:1,", b"}", "JSON with a name that is not quoted"),
    ("raw-newline", b'{"x":"a\nb",', b"}", "JSON with a newline in a text"),
    ("bad-escape", b'{"x":"\\x41",', b"}", "JSON with an escape of C"),
    ("two-objects", b"{", b"}{}", "JSON and one more object"),
    ("trailing-nul", b"{", b"}\0", "JSON and a NUL"),
    ("no-end", b"{", b"", "JSON that does not end"),
    ("no-break-space", "{\u00a0".encode(), b"}", "JSON with a space that is not white space in JSON"),
)

_GRAMMAR_OF_PAYLOAD = {  # the payload may have a reader of its own, so both are tested
    "block-comment",
    "trailing-comma",
    "nan",
    "infinity",
    "raw-newline",
    "two-objects",
    "trailing-nul",
}

_NO_OBJECT = (
    ("empty", b"", "nothing"),
    ("null", b"null", "null"),
    ("number", b"1700000840", "a number"),
    ("text", b'"HS256"', "a text"),
    ("empty-list", b"[]", "an empty list"),
)


def grammar_cases() -> Iterator[Case]:
    header, claims = _header()[1:-1], _claims()[1:-1]
    for name, before, after, idea in _GRAMMAR:
        spoilt = before + claims + after if name in _GRAMMAR_OF_PAYLOAD else None
        yield from _both(name, before + header + after, spoilt, idea)
    for name, octets, idea in _NO_OBJECT:
        yield from _both(f"is-{name}", octets, octets, f"{idea} and no object")
    yield from _both("is-list", b"[" + _header() + b"]", b"[" + _claims() + b"]", "a list that holds the object")
    pairs = [list(pair) for pair in CLAIMS.items()]
    yield from _both("is-pairs", None, dump(pairs), "a list of pairs, which dict() takes for an object")
    by, (in_header, in_payload) = signer("HS256"), _groups()
    spaced = b" \t\r\n{ " + header + b" }\n"
    yield in_header.accept("control-space", compact(spaced, CLAIMS, by), "No attack: white space that JSON allows.")
    spaced = b" \t\r\n{ " + claims + b" }\n"
    token = compact(jwt_header(by), spaced, by)
    yield in_payload.accept("control-space", token, "No attack: white space that JSON allows.")
    escaped = _header().replace(b'"alg"', b'"\\u0061l\\u0067"').replace(b'"HS256"', b'"\\u0048S256"')
    yield in_header.accept("control-escape", compact(escaped, CLAIMS, by), "No attack: names and values in escapes.")


def unicode_cases() -> Iterator[Case]:
    claims = _claims()[1:-1]
    for name, text, idea in (
        ("lone-high-surrogate", b'"\\ud800"', "with the first half of a surrogate pair, which no UTF-8 can hold"),
        ("surrogate-and-letter", b'"\\ud800a"', "with half a surrogate pair before a letter"),
    ):
        yield from _both(name, None, b"{" + claims + b',"x":' + text + b"}", f"JSON {idea}")
    yield from _both(
        "surrogate-in-name", None, b"{" + claims + b',"\\ud800":1}', "JSON with half a surrogate pair in a name"
    )
    for name, number in (
        ("1e999", b"1e999"),
        ("minus-1e999", b"-1e999"),
        ("1e400", b"1.5E+400"),
    ):
        idea = f"JSON with a number beyond double precision ({name})"
        yield from _both(f"number-{name}", None, b"{" + claims + b',"x":' + number + b"}", idea)
    yield from _both("number-nested", None, b"{" + claims + b',"x":[{"y":1e999}]}', "JSON with 1e999 deep inside")


def _nested(outer: bytes, inner: bytes) -> bytes:
    """Add a member with the value *inner* to the JSON object *outer*."""
    return outer[:-1] + b',"x":' + inner + b"}"


def depth_cases() -> Iterator[Case]:
    shapes = (("lists", b"[", b"]"), ("objects", b'{"":', b"}"))
    for levels in (33, 100, 1000):
        for shape, opening, closing in shapes:
            nest = opening * levels + b"0" + closing * levels
            idea = f"JSON with {levels} levels of {shape} inside"
            yield from _both(f"depth-{levels}-{shape}", _nested(_header(), nest), _nested(_claims(), nest), idea)
    unclosed = b"[" * 4000
    yield from _both(
        "depth-unclosed", _header()[:-1] + b',"x":' + unclosed, None, "JSON with 4000 lists that never end"
    )
    by, (in_header, in_payload) = signer("HS256"), _groups()
    for shape, opening, closing in shapes:
        nest = opening * (_DEPTH - 1) + b"0" + closing * (_DEPTH - 1)
        why = f"No attack: {shape} as deep as may be, the outermost object counted."
        token = compact(_nested(_header(), nest), CLAIMS, by)
        yield in_header.accept(f"control-depth-{shape}", token, why)
        token = compact(jwt_header(by), _nested(_claims(), nest), by)
        yield in_payload.accept(f"control-depth-{shape}", token, why)
    flat = b"{" + b"},{".join(b'"":[]' for _ in range(100)) + b"}"
    token = compact(jwt_header(by), _nested(_claims(), b"[" + flat + b"]"), by)
    yield in_payload.accept("control-breadth", token, "No attack: many brackets, and none of them deep.")
    text: Json = {**CLAIMS, "x": "[{" * 300 + '\\"[[' * 50}
    token = compact(jwt_header(by), text, by)
    yield in_payload.accept("control-brackets", token, "No attack: brackets in a text, which are no nesting.")


def cases() -> Iterator[Case]:
    yield from encoding_cases()
    yield from grammar_cases()
    yield from unicode_cases()
    yield from depth_cases()
