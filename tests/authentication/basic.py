"""Headers with HTTP Basic, as services that introspect send them."""

from base64 import b64encode


def basic(client_id: str, secret: str) -> str:
    """Return the value of ``Authorization`` for an ID and a secret, which may be encoded already."""
    return basic_of(f"{client_id}:{secret}".encode())


def basic_of(credential: bytes) -> str:
    """Return the value of ``Authorization`` for any bytes."""
    return f"Basic {b64encode(credential).decode()}"


def percent_encode(text: str) -> str:
    """Return *text* as a form may have it at the most: each byte is encoded."""
    return "".join(f"%{byte:02X}" for byte in text.encode())
