"""Applications served over HTTPS for a real browser, at names that are one site, sibling sites or foreign ones.

``localhost`` and ``127.0.0.1`` are two sites; ``a.app.localhost`` and ``b.app.localhost`` are two hosts of one domain.
Chromium finds all names below ``localhost`` on this machine. The fixtures are in ``conftest.py``.
"""

import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from werkzeug.serving import make_server

from .kit import launch

LOCAL = "127.0.0.1"
NAMES = ("localhost", "app.localhost", "a.app.localhost", "b.app.localhost")


class LazyContext(ssl.SSLContext):
    """Leaves the TLS handshake to the thread of each connection.

    Browsers open connections before they need them. The server would wait for one, and not answer the others.
    """

    def wrap_socket(self, sock: Any, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        return super().wrap_socket(sock, *args, **{**kwargs, "do_handshake_on_connect": False})


@dataclass(frozen=True)
class Certificate:
    """A certificate that signs itself, with its private key.

    Attributes:
        path: a PEM file with both. HTTP clients in Python trust it by this path: ``requests.get(…, verify=path)``.
        fingerprint: the SHA-256 of its public key in base64, by which Chromium trusts it.
    """

    path: Path
    fingerprint: str

    def context(self) -> ssl.SSLContext:
        """Return the context for a server."""
        context = LazyContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context


@dataclass(frozen=True)
class Served:
    """An application that is being served."""

    port: int

    def url(self, host: str = "localhost") -> str:
        """Return the origin of the application by one of its names: there is no slash at the end."""
        return f"https://{host}:{self.port}"


def make_certificate(folder: Path) -> Certificate:
    """Make a certificate for all the names, good for an hour, and write it to a file in *folder*."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [*map(x509.DNSName, NAMES), x509.IPAddress(ip_address(LOCAL))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Certificate(path, base64.b64encode(sha256(public).digest()).decode())


@contextmanager
def serve_https(app: Any, certificate: Certificate, *, port: int = 0) -> Iterator[Served]:
    """Serve a WSGI application over HTTPS on 127.0.0.1, each request in a thread; port 0 is any free port.

    At the end it waits for open connections, so close the windows of the browser before.
    """
    server = make_server(LOCAL, port, app, threaded=True, ssl_context=certificate.context())
    server.daemon_threads = False  # type: ignore[attr-defined]  # server_close() then waits for open requests
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Served(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def start_chromium(playwright: Any, certificate: Certificate, *args: str) -> Iterator[Any]:
    """Start Chromium, which trusts the certificate, and yield Playwright's ``Browser``; *args* are for its command."""
    browser = launch(playwright, f"--ignore-certificate-errors-spki-list={certificate.fingerprint}", *args)
    try:
        yield browser
    finally:
        browser.close()
