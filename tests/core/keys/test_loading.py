"""Load keys from the forms that ``TOKENAUTH_KEYS`` takes."""

import json
import os
import traceback
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.keys.loading import find_path, load_key_file, load_keys

from .kit import RSA, certificate_of, pem_of

EC = Key.generate("ES256")
ED = Key.generate("EdDSA")
JWKS = {"keys": [EC.to_jwk(private=True), ED.to_jwk()]}
PEM = EC._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
ED_PEM = ED._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
BOTH = [EC.kid, ED.kid]


def kids(source: object) -> list[str]:
    return [key.kid for key in load_keys(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (JWKS, BOTH),
        (JWKS["keys"], BOTH),
        (tuple(JWKS["keys"]), BOTH),
        ([EC, ED.to_jwk()], BOTH),
        ([PEM, ED], BOTH),
        (PEM, BOTH[:1]),
        (PEM.replace("\n", "\\n"), BOTH[:1]),
        (PEM.replace("\n", "\\\\r\\\\n"), BOTH[:1]),
        (PEM + ED_PEM, BOTH),
        (PARAMETERS + PEM, BOTH[:1]),
        (PEM + PARAMETERS.replace("EC", "DH"), BOTH[:1]),
        (KeySet([EC]), BOTH[:1]),
    ],
    ids=[
        "set",
        "list",
        "tuple",
        "keys",
        "PEM in a list",
        "PEM",
        "PEM on one line",
        "escaped twice",
        "two PEM",
        "parameters",
        "of DH",
        "KeySet",
    ],
)
def test_keys_come_in_many_forms(source: object, expected: list[str]) -> None:
    assert kids(source) == expected


@pytest.mark.parametrize("content", [json.dumps(JWKS), PEM + ED_PEM], ids=["JWK Set", "PEM"])
@pytest.mark.parametrize("as_string", [True, False])
def test_keys_come_from_a_file(tmp_path: Path, content: str, as_string: bool) -> None:  # noqa: FBT001
    path = tmp_path / "keys"
    path.write_text(content)

    assert kids(str(path) if as_string else path) == BOTH


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"null", b"\xff", b'{"keys": []}', b'{"keys": [1]}', b"-----BEGIN \xff", b"[" * 9999],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)

    with pytest.raises(InvalidKey):
        load_keys(path)


def test_a_file_over_one_mebibyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    text = json.dumps(JWKS)
    path.write_text(text + " " * (1024 * 1024 - len(text)))
    assert kids(path) == BOTH

    path.write_text(text + " " * (1024 * 1024 - len(text) + 1))
    with pytest.raises(InvalidKey, match="must have at most 1 MiB"):
        load_keys(path)


@pytest.mark.parametrize(
    "source",
    [
        "hunter2-strayed-here",
        "hunter2\x00",
        "hunter2" * 1000,
        "/hunter2/strayed/here",
        "hunter2.pem\n",
        "hunter2" * 100 + ".pem",
        "aGh/1bnRl/hunter2+hunter2hunter2hunter2hun=",
        "/GhunRl/hunter2+hunter2hunter2hunter2hunter=",
    ],
)
def test_a_string_that_is_no_path_is_refused_and_not_repeated(source: str) -> None:
    """It may be a secret in the wrong setting. Secrets in base64 have slashes too."""
    with pytest.raises(InvalidKey, match="must be readable, got a path that is not shown, since it may be") as caught:
        load_keys(source)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["keys/jwks.json", "jwks.JSON", "/nowhere/keys.pem", "../keys.jwks", "{tmp}/jwks"])
@pytest.mark.parametrize("as_path", [True, False])
def test_the_path_of_a_missing_file_is_named(tmp_path: Path, name: str, as_path: bool) -> None:  # noqa: FBT001
    path = name.format(tmp=tmp_path)

    with pytest.raises(InvalidKey) as caught:
        load_keys(Path(path) if as_path else path)

    assert str(caught.value) == (
        f"the key file must be readable, got {path!r} (No such file or directory): check the path; a relative path "
        "starts at the working directory"
    )


@pytest.mark.parametrize(
    "source",
    [
        "https://issuer.example/hunter2.json",
        "HTTP://x",
        "file:///run/secrets/jwks.json",
        "s3://keys/jwks.json",
        " https://a:hunter2@h/k.json",
        '"https://a:hunter2@h/k.json',
    ],
)
def test_a_url_is_not_fetched(source: str) -> None:
    with pytest.raises(InvalidKey, match="got a URL, which is not fetched: save the JWK Set to a file") as caught:
        load_keys(source)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("source", ['{"keys":[{"k":"hunter2"}]}', '{"k":"hunter2","kid":"x.pem', ' [{"k":"hunter2"}]'])
def test_json_in_a_string_is_refused_with_the_function_that_parses_it(source: str) -> None:
    """``from_prefixed_env`` parses JSON; ``os.environ`` does not."""
    with pytest.raises(InvalidKey, match=r"got JSON: parse it with json\.loads first") as caught:
        load_keys(source)

    assert "hunter2" not in str(caught.value)


def test_one_key_is_refused_with_a_list_around_it() -> None:
    with pytest.raises(InvalidKey, match="got one Key: put it into a list"):
        load_keys(EC)


def test_a_path_object_in_a_list_is_refused_with_the_method_that_reads_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidKey, match=r"got \w+Path: pass the content of the file, path\.read_text\(\)$"):
        load_keys([tmp_path / "key.pem"])


@pytest.mark.parametrize("source", ["adm:hunter2@h/jwks.json", "https:/adm:hunter2@h/jwks.json"])
def test_something_like_a_path_that_may_hold_a_secret_is_not_shown(source: str) -> None:
    with pytest.raises(InvalidKey, match="got a path that is not shown, since it may be a secret") as caught:
        load_keys(source)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        ("", "it must have a JWK Set or PEM text, got an empty file"),
        (" \n", "it must have a JWK Set or PEM text, got an empty file"),
        ("hunter2", "got something else: it must begin with { or with -----BEGIN …-----"),
        ("[]", 'got a JSON array: put the keys into {"keys": […]}'),
        (
            "\0hunter2",
            "got binary data: convert a key in DER with: openssl pkey -inform DER -in FILE (with -pubin for a public",
        ),
        (' {"a":\n"hunter2" 7}', "got malformed JSON, at line 2, column 11: correct it, or copy the file again"),
        ('{"a": "\udce4"}', "got JSON with a name twice in an object, more than 32 levels or no UTF-8: write each"),
        ('{"a":' * 100_000, "got JSON with a name twice in an object, more than 32 levels or no UTF-8: write each"),
        ("{}", 'a JWK Set must be an object with an array "keys", got something else'),
        ("-----BEGIN hunter2", "each block of PEM text must end as it began"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: str, mistake: str) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(InvalidKey) as caught:
        load_keys(str(path))

    assert str(caught.value).startswith(f"the key file {str(path)!r} cannot be used: ")
    assert mistake in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_refused_with_the_encoding_to_use(tmp_path: Path, encoding: str) -> None:
    """PowerShell writes such files."""
    path = tmp_path / "key.pem"
    path.write_text(PEM if encoding == "utf-16" else "\ufeff" + PEM, encoding=encoding)

    with pytest.raises(InvalidKey, match=r"cannot be used: it must .*, got UTF-16: save it as UTF-8$"):
        load_keys(path)


def test_an_encrypted_key_is_refused_with_the_function_that_takes_its_passphrase() -> None:
    pem = EC._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")).decode()

    with pytest.raises(InvalidKey, match=r"Key\.from_pem\(pem, passphrase=…\), and set TOKENAUTH_KEYS to a list"):
        load_keys(pem)


LOCKED = pem_of(EC._private, b"open sesame").decode()


@pytest.mark.parametrize("passphrase", ["open sesame", b"open sesame"])
@pytest.mark.parametrize("form", [LOCKED, [ED, LOCKED], ED_PEM + LOCKED], ids=["PEM", "list", "beside another"])
def test_a_passphrase_opens_encrypted_keys(form: object, passphrase: str | bytes) -> None:
    assert EC.kid in [key.kid for key in load_keys(form, passphrase=passphrase)]


def test_a_passphrase_opens_an_encrypted_key_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(LOCKED)

    assert load_keys(path, passphrase="open sesame").find(EC.kid) is not None


@pytest.mark.parametrize(
    "form", [PEM, JWKS, [ED], KeySet([EC]), [ED.to_jwk()]], ids=["PEM", "set", "keys", "KeySet", "JWK"]
)
def test_a_passphrase_without_an_encrypted_key_is_refused(form: object) -> None:
    with pytest.raises(InvalidKey, match="the passphrase must be for an encrypted private key in PEM, got none"):
        load_keys(form, passphrase="hunter2")


WRONG = "hunter" + "2"  # so that no line of source, which a traceback quotes, has it


def test_a_wrong_passphrase_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidKey, match="must be the one that the private key is encrypted with") as caught:
        load_keys(LOCKED, passphrase=WRONG)

    assert WRONG not in "".join(traceback.format_exception(caught.value))


GOOGLE = {"a": certificate_of(RSA._public, RSA._private), "b": certificate_of(EC._public, EC._private)}


def test_a_mapping_of_key_ids_to_certificates_is_a_set_of_public_keys(tmp_path: Path) -> None:
    path = tmp_path / "certs.json"
    path.write_text(json.dumps(GOOGLE), encoding="utf-8-sig")

    for source in (GOOGLE, path):
        found = [(key.kid, key.algorithm, key.can_sign) for key in load_keys(source)]
        assert found == [("a", "RS256", False), ("b", "ES256", False)]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            {"a": GOOGLE["a"], "b": PEM},
            "entry 2 of 2: a mapping of key IDs must have certificates or public keys, got a",
        ),
        ({"a\nhunter2": GOOGLE["a"]}, "entry 1 of 1: kid must be a string of 1 to 255 printable characters"),
        ({"a": GOOGLE["a"], "b": "hunter2"}, "entry 2 of 2: PEM text must have a line -----BEGIN …-----, got none"),
        ({"a": GOOGLE["a"], "b": 1}, "entry 2 of 2: .* PEM text must be bytes or a string .*, got int"),
        ({"a": "hunter2"}, 'must be an object with an array "keys"'),
        ({"keys": [], "a": GOOGLE["a"]}, "a key set must have at least one key"),
        ({"a": LOCKED}, "entry 1 of 1: a mapping of key IDs must have certificates or public keys, got a private key"),
    ],
)
def test_a_mapping_of_something_else_is_refused(mapping: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidKey, match=message) as caught:
        load_keys(mapping)

    assert "hunter2" not in str(caught.value)


def test_a_file_with_a_key_id_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "certs.json"
    path.write_text(f'{{"a": {json.dumps(GOOGLE["a"])}, "a": {json.dumps(GOOGLE["b"])}}}')

    with pytest.raises(InvalidKey, match=r"got JSON with a name twice in an object, .*: write each name once"):
        load_keys(path)


@pytest.mark.parametrize("as_file", [True, False])
def test_the_base64_of_pem_text_is_refused_with_the_command_that_decodes_it(tmp_path: Path, as_file: bool) -> None:  # noqa: FBT001
    path = tmp_path / "key.pem"
    path.write_bytes(b64encode(PEM.encode()))

    with pytest.raises(InvalidKey, match=r"got the base64 of PEM text: decode it once, for example with: base64 -d"):
        load_keys(path if as_file else path.read_text())


def test_a_path_in_a_list_is_not_read() -> None:
    with pytest.raises(InvalidKey, match=r"PEM text, not a path: pass the content of the file, Path\(…\)\.read_text"):
        load_keys(["/run/secrets/jwks.json"])


@pytest.mark.parametrize("wrong", [PEM[:90], {"kty": "hunter2"}, b"hunter2", "hunter2", 1])
def test_a_wrong_item_of_a_list_is_named_by_its_number(wrong: object) -> None:
    with pytest.raises(InvalidKey, match=r"^item 2 of 3: ") as caught:
        load_keys([PEM, wrong, ED])

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("source", [b"hunter2", [b"hunter2"]])
def test_bytes_are_refused_with_the_method_that_makes_a_string(source: object) -> None:
    with pytest.raises(InvalidKey, match=r"got bytes: pass a string, data\.decode\(\)$"):
        load_keys(source)


def test_a_url_in_a_list_is_refused_as_one_without_a_list() -> None:
    with pytest.raises(InvalidKey, match="must be a JWK, a Key or PEM text, got a URL, which is not fetched: save the"):
        load_keys(["https://hunter2.example/jwks.json"])


@pytest.mark.parametrize("source", [None, 1, True, b"bytes", [], [None], [1], ["no PEM"], [[]], "-----BEGIN nothing"])
def test_what_is_no_source_of_keys_is_refused(source: object) -> None:
    with pytest.raises(InvalidKey):
        load_keys(source)


@pytest.mark.parametrize(
    "text", [PEM + ED_PEM[:60], PEM + ED_PEM.replace("END PRIVATE", "END PUBLIC"), PEM.replace("END", "end"), PEM * 101]
)
def test_one_bad_block_of_pem_and_there_is_no_set(text: str) -> None:
    with pytest.raises(InvalidKey, match=r"must end as it began|must have 1 to 100 blocks, .* got 101"):
        load_keys(text)


def test_a_path_of_something_else_than_a_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(InvalidKey, match=r"must be that of a file, got .*, which is a directory, a pipe or a device$"):
        load_keys(tmp_path)
    with pytest.raises(InvalidKey, match="must be that of a file"):
        load_keys(pipe)  # to read it would wait for a writer


def test_keys_with_states_in_a_list_are_a_ring() -> None:
    """The first one that can sign would sign otherwise, although it is only the next one."""
    members = [{**ED.to_jwk(private=True), "status": "next"}, {**EC.to_jwk(private=True), "status": "active"}]

    keys = load_keys(members)

    assert keys.signing_key is not None
    assert keys.signing_key.kid == EC.kid
    with pytest.raises(InvalidKey, match="all keys of a set must have a status, or none"):
        load_keys([*members, RSA.to_jwk()])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Path("keys.json"), Path("keys.json")),
        ("/run/keys.json", Path("/run/keys.json")),
        (PEM, None),
        ('{"keys": []}', None),
        ("https://issuer.example/keys", None),
        (JWKS, None),
        (None, None),
    ],
)
def test_a_path_is_known_among_the_forms(source: object, expected: Path | None) -> None:
    assert find_path(source) == expected


def test_a_passphrase_that_a_file_does_not_need_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(JWKS))

    with pytest.raises(InvalidKey, match="the passphrase must be for an encrypted private key in PEM, got none"):
        load_key_file(tmp_path / "keys.json", passphrase="hunter2")
