"""Users sign in at the oidc-provider that ``oidc_provider.mjs`` runs: the authorization code flow over HTTP."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from .conftest import PATIENCE
from .node_programs import NodeProgram, running

ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "ES512", "Ed25519"]
CALLBACK = "https://app.example/callback"
SECRET = token_hex(20)  # of the clients


def client_of(alg: str) -> str:
    """Return the ID of the client whose ID tokens have this algorithm."""
    return f"web-{alg}"


class OidcProvider:
    """A running provider."""

    issuer: str

    def __init__(self, program: NodeProgram) -> None:
        self._program = program

    def publish(self, *kids: str, encrypts_for: Iterable[Mapping[str, object]] = ()) -> None:
        """Exchange the keys. The first one of an algorithm, which a key ID begins with, signs from then on.

        Args:
            *kids: the keys that sign.
            encrypts_for: JWKs that tokens are encrypted for, if the resource has the ID of one of them in its path.
        """
        self.issuer = self._program.ask({"kids": kids, "jwks": list(encrypts_for)})

    def sign_in(self, user: str, *, alg: str, resource: str, scope: str) -> dict[str, Any]:
        """Return the tokens of a user: an ID token with the algorithm, and an access token as the resource needs it.

        Args:
            user: a name.
            alg: the algorithm.
            resource: the audience. Its path must be the algorithm of the access token. To encrypt that, "/" and the ID
                of an encryption key follow.
            scope: the scopes for the resource.
        """
        request = {
            "client_id": client_of(alg),
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": f"openid {scope}",
            "resource": resource,
        }
        with requests.Session() as browser:
            answer = browser.get(f"{self.issuer}/auth", params=request, allow_redirects=False, timeout=PATIENCE)
            while not (place := urljoin(answer.url, answer.headers["Location"])).startswith(CALLBACK):
                answer = self._go_on(browser, place, user)
        code = parse_qs(urlsplit(place).query)["code"]
        found: dict[str, Any] = requests.post(
            f"{self.issuer}/token",
            auth=(client_of(alg), SECRET),
            data={"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "resource": resource},
            timeout=PATIENCE,
        ).json()
        return found

    def _go_on(self, browser: requests.Session, place: str, user: str) -> requests.Response:
        """Follow a redirect, and fill in the form if it leads to one."""
        answer = browser.get(place, allow_redirects=False, timeout=PATIENCE)
        if answer.is_redirect:
            return answer
        prompt = "login" if 'value="login"' in answer.text else "consent"
        form = {"prompt": prompt, "login": user, "password": "any"}
        return browser.post(place, data=form, allow_redirects=False, timeout=PATIENCE)


@contextmanager
def serving() -> Iterator[OidcProvider]:
    """Run a provider. It has no keys yet."""
    with running("oidc_provider.mjs", SECRET, CALLBACK, *ALGORITHMS) as program:
        yield OidcProvider(program)
