"""Tokens that ``jose_issuer.mjs`` signs: it publishes its keys."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from .node_programs import NodeProgram, running


@dataclass(frozen=True)
class JoseIssuer:
    """The program, which runs."""

    program: NodeProgram
    issuer: str

    @property
    def jwks_uri(self) -> str:
        return f"{self.issuer}/keys"

    def sign(self, claims: Mapping[str, object], *, alg: str, jwk: Mapping[str, object] | None = None) -> str:
        """Return an access token with these claims, the issuer and the times; with a *jwk*, encrypted for that key."""
        found: str = self.program.ask({"alg": alg, "claims": claims, "jwk": jwk})
        return found


@contextmanager
def serving(*algorithms: str) -> Iterator[JoseIssuer]:
    """Run the program with a key for each algorithm."""
    with running("jose_issuer.mjs", *algorithms) as program:
        yield JoseIssuer(program, program.read())
