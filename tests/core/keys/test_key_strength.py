"""Weak secrets and keys are refused."""

from collections.abc import Callable
from functools import partial

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key_strength import check_ed25519, check_hmac, check_rsa, check_secret

from .kit import EC, certificate_of, pem_of

RANDOM = b"4f1d9a3c7b2e8056d4c1f7a9b3e6082c"  # 32 bytes
PRIME = 2**2203 - 1  # a modulus of more than 2048 bits that is not from Infineon's generator
ED25519_P = 2**255 - 19


def test_bytes_that_are_no_text_hold_no_words() -> None:
    """About eight of 32 random bytes are letters or digits. If there are fewer, they may make a word."""
    check_secret(b"me" + bytes(range(0x80, 0x9E)))
    check_secret(bytes(range(0x80, 0x9D)) + b"9do")


@pytest.mark.parametrize("secret", [RANDOM, RANDOM + b"0", b"\x00\xff" * 13 + b"abcdef", bytes(range(32))])
def test_a_secret_of_32_bytes_and_some_variety_is_taken(secret: bytes) -> None:
    check_secret(secret)


@pytest.mark.parametrize("secret", [b"", b"a", RANDOM[:31]])
def test_a_secret_under_32_bytes_is_refused(secret: bytes) -> None:
    with pytest.raises(InvalidKey, match=f"must be at least 32 bytes long, got {len(secret)}"):
        check_secret(secret)


def test_a_secret_needs_eight_distinct_bytes() -> None:
    check_secret(b"ABCDEFGH" * 4)

    with pytest.raises(InvalidKey, match="must have at least 8 different bytes, got 7"):
        check_secret(b"ABCDEFG" * 5)


@pytest.mark.parametrize(
    "secret",
    [
        b"dev",
        b"secret",
        b"changeme",
        b"Change-Me!",
        b"super-secret",
        b"your-256-bit-secret",
        b"a-string-secret-at-least-256-bits-long",
        b"replace this with something very secret in production",
        b"super_secret_key_1234567890123456",
        b"192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        b"192B9BDD45AB9ED4D12E236C78AFZB9A393EC15F71BBF5DC987D54727823BCBF",
        b"5f352379324c22463451387a0aec5d2f",
        b"django-insecure-8t^k2#9x!mfz0@q7w5v$1h3c&r4b6n(p+d)s",
    ],
)
def test_a_placeholder_is_refused_however_long(secret: bytes) -> None:
    with pytest.raises(InvalidKey, match="must be random, got a placeholder that is publicly known"):
        check_secret(secret)


def test_the_refusal_of_a_secret_does_not_repeat_it() -> None:
    with pytest.raises(InvalidKey) as caught:
        check_secret(b"hunter2hunter2")

    assert "hunter2" not in str(caught.value)


def public_key(encoding: Encoding, form: PublicFormat) -> bytes:
    written: bytes = EC._public.public_bytes(encoding, form)
    return written


KEY_TEXTS = [
    public_key(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    public_key(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).replace(b"\n", b"\\n"),
    b"\xef\xbb\xbf\n " + public_key(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    public_key(Encoding.OpenSSH, PublicFormat.OpenSSH),
    certificate_of(EC._public, EC._private).encode(),
    pem_of(EC._private),
]


@pytest.mark.parametrize("check", [check_secret, partial(check_hmac, least=32)], ids=["secret", "HMAC"])
@pytest.mark.parametrize("secret", KEY_TEXTS, ids=["PEM", "one line", "BOM", "OpenSSH", "certificate", "private"])
def test_a_key_or_certificate_is_no_secret(check: Callable[[bytes], None], secret: bytes) -> None:
    """Everyone has the public key, and could sign with it."""
    with pytest.raises(InvalidKey, match=r"must be random bytes, got .* PEM or OpenSSH.*: .*TOKENAUTH_KEYS") as caught:
        check(secret)

    assert secret[40:60].decode() not in str(caught.value)


@pytest.mark.parametrize("size", [32, 33, 64])
def test_an_hmac_key_of_the_size_of_the_hash_or_more_is_taken(size: int) -> None:
    check_hmac(bytes(range(size)), 32)


@pytest.mark.parametrize("size", [0, 1, 31])
def test_a_shorter_hmac_key_is_refused(size: int) -> None:
    """RFC 7518 section 3.2."""
    with pytest.raises(InvalidKey, match="an HMAC key must be at least 32 bytes long"):
        check_hmac(bytes(range(size)), 32)


@pytest.mark.parametrize("bits", [2048, 2049, 16383, 16384])
def test_rsa_keys_of_2048_to_16384_bits_are_taken(bits: int) -> None:
    check_rsa(2 ** (bits - 1) + 1, 65537)


@pytest.mark.parametrize("bits", [512, 1024, 2047, 16385])
def test_rsa_keys_of_other_sizes_are_refused(bits: int) -> None:
    """RFC 7518 section 3.3."""
    with pytest.raises(InvalidKey, match=f"an RSA key must have 2048 to 16384 bits, got {bits}"):
        check_rsa(2 ** (bits - 1) + 1, 65537)


@pytest.mark.parametrize("exponent", [65537, 65539, 2**64 - 1])
def test_odd_rsa_exponents_from_65537_to_64_bits_are_taken(exponent: int) -> None:
    check_rsa(PRIME, exponent)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 65535, 65536, 65538, 2**64, 2**64 + 1])
def test_other_rsa_exponents_are_refused(exponent: int) -> None:
    with pytest.raises(InvalidKey, match="public exponent"):
        check_rsa(PRIME, exponent)


def test_an_rsa_modulus_with_the_fingerprint_of_roca_is_refused() -> None:
    """CVE-2017-15361: such a modulus is a power of 65537 modulo every small prime."""
    marked = pow(65537, 160)

    with pytest.raises(InvalidKey, match="ROCA"):
        check_rsa(marked, 65537)


def test_one_prime_without_the_mark_clears_an_rsa_modulus() -> None:
    """Modulo 11, 65537 is 10. Its powers are 1 and 10, so 2 is not one of them."""
    product = 1
    for prime in (odd for odd in range(3, 168, 2) if all(odd % divisor for divisor in range(3, odd, 2))):
        product *= prime
    marked = pow(65537, 160)
    unmarked = marked + (product // 11) * next(k for k in range(11) if (marked + product // 11 * k) % 11 == 2)

    check_rsa(unmarked, 65537)


@pytest.mark.parametrize(
    "public",
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ],
)
def test_ed25519_keys_of_small_order_or_second_spelling_are_refused(public: str) -> None:
    """The points of order 1, 2, 4 and 8, with either sign, and y not under 2^255 - 19."""
    with pytest.raises(InvalidKey, match="must be a point of large order"):
        check_ed25519(bytes.fromhex(public))


@pytest.mark.parametrize("y", [2, 3, ED25519_P - 2])
def test_other_ed25519_keys_are_taken(y: int) -> None:
    check_ed25519(y.to_bytes(32, "little"))


def test_a_long_string_of_placeholder_words_is_judged_at_once() -> None:
    """No word is made of other words, so there is one way to match it. Otherwise this would take seconds."""
    check_secret(b"secretinsecure" * 200 + b"zqxjkvbw")
