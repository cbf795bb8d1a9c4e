"""Refusals of a client ID and its secret: one class for each reason (RFC 6749 section 5.2, ``invalid_client``)."""

from .errors import Refusal


class InvalidClient(Refusal):
    """A client is refused. This is the base class, and is never raised itself.

    All of these refusals have the same answer, so a client does not learn whether its ID or its secret was wrong.
    """

    code = "invalid_client"
    status = 401
    hint = "The client ID or the client secret is not valid."
    message = "the client is refused"


class MalformedClientCredential(InvalidClient):
    """The ``Authorization`` header has the Basic scheme, but breaks its grammar (RFC 7617 section 2)."""

    reason = "client_header_malformed"
    message = (
        "the Authorization header must be Basic, a space and base64 of the client ID, a colon and the client secret, "
        "got something else: use the client_secret_basic method of a library, and send the header once"
    )


class UnknownClient(InvalidClient):
    """There is no client with this ID."""

    reason = "client_unknown"
    message = (
        "the client ID must be one of TOKENAUTH_INTROSPECTION_CLIENTS, got another: correct the ID that the service "
        "sends, or add it to the setting"
    )


class WrongClientSecret(InvalidClient):
    """The secret is not one of those that the client has.

    Attributes:
        client_id: the client, which is one of the settings.
    """

    reason = "client_secret_wrong"

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        super().__init__(client_id)

    def __str__(self) -> str:
        return (
            f"client {self.client_id} must send a secret whose hash is in TOKENAUTH_INTROSPECTION_CLIENTS, got "
            "another: give the service the secret (cs1_...), not its hash, or make both with: python -m "
            "flask_tokenauth client-secret"
        )
