"""Good tokens, one for each algorithm and layer. Every attack is a change of one of these."""

from collections.abc import Iterator

from tests.attacks.kit import ALGORITHMS, CLAIMS, Case, Signer, compact, jws_header, jwt_header, signer


def jws_token(by: Signer) -> str:
    """Return the good token that attacks on the signature layer change."""
    return compact(jws_header(by), CLAIMS, by)


def jwt_token(by: Signer) -> str:
    """Return the good access token that attacks on the whole verifier change."""
    return compact(jwt_header(by), CLAIMS, by)


def cases() -> Iterator[Case]:
    for alg in ALGORITHMS:
        yield _control(f"jws-{alg.lower()}", "jws", signer(alg), jws_token(signer(alg)))
        yield _control(f"jwt-{alg.lower()}", "jwt", signer(alg), jwt_token(signer(alg)))


def _control(name: str, layer: str, by: Signer, token: str) -> Case:
    return Case(
        id=f"control-{name}",
        group="control",
        layer=layer,
        key=by.public,
        token=token,
        reason=None,
        why=f"No attack: a good {by.alg} token, so that what happens to its mutations is due to the mutation.",
        control=None,
    )
