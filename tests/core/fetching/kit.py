"""Servers on this machine that answer as a test says, certificates for them, and names that lead to them."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LOCAL = "127.0.0.1"
NAME = "issuer.example"
GLOBAL = "192.0.32.10"  # an address on the internet; the tests connect to this machine in its place
PATIENCE = 60.0  # seconds, which are never over in a test that passes

Answer = Callable[["Talk"], object]


class Talk:
    """The server's end of one connection.

    Attributes:
        over: is set when the test ends.
    """

    def __init__(self, sock: socket.socket, over: Event) -> None:
        self.sock = sock
        self.over = over

    def read_head(self) -> bytes:
        """Return the request up to the empty line; fewer bytes if the client has gone."""
        head = b""
        while not head.endswith(b"\r\n\r\n") and (byte := self.sock.recv(1)):
            head += byte
        return head

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send the bytes one by one, each of them well within any time that a client waits for a byte, then wait."""
        for byte in data:
            self.sock.sendall(bytes([byte]))
            self.over.wait(0.01)
        self.over.wait()


class Server:
    """A server on a free port of this machine, as a context manager. Each connection has a thread.

    Args:
        answer: the bytes of an answer, or a function that is called after the request has come.
        tls: for HTTPS.
        host: the address to listen on.
        start: is called before the request is read, and before TLS.

    Attributes:
        requests: the heads of the requests that have come.
    """

    def __init__(
        self,
        answer: bytes | Answer = b"",
        *,
        tls: ssl.SSLContext | None = None,
        host: str = LOCAL,
        start: Answer | None = None,
    ) -> None:
        self.requests: list[bytes] = []
        self.over = Event()
        self._answer: Answer = answer if callable(answer) else lambda talk: talk.send(answer)
        self._tls, self._start = tls, start
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listening = socket.create_server((host, 0), family=family)
        self.port: int = self._listening.getsockname()[1]
        self._threads = [Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> "Server":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        self._listening.close()

    def url(self, path: str = "/keys", *, host: str = LOCAL) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{host}:{self.port}{path}"

    def _accept(self) -> None:
        with suppress(OSError):  # the test has ended
            while True:
                sock, _ = self._listening.accept()
                sock.settimeout(PATIENCE)
                thread = Thread(target=self._serve, args=[sock], daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError), sock:  # the client may go at any time
            if self._start is not None:
                self._start(Talk(sock, self.over))
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            with sock:
                talk = Talk(sock, self.over)
                self.requests.append(talk.read_head())
                self._answer(talk)
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_WR)


def ok(body: bytes = b"{}", *headers: str, status: str = "200 OK", length: bool = True) -> bytes:
    """Return an answer of HTTP/1.1."""
    lengths = [f"Content-Length: {len(body)}"] if length else []
    lines = [f"HTTP/1.1 {status}", *lengths, *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def stream(block: bytes, *, after: bytes) -> Answer:
    """Return the answer of a server that sends the same bytes until the client has gone."""

    def answer(talk: Talk) -> None:
        talk.send(after)
        while True:
            talk.send(block)

    return answer


class Names:
    """A resolver, in the place of ``socket.getaddrinfo``.

    Args:
        answers: the addresses that each look-up returns.

    Attributes:
        asked: the names that were looked up.
    """

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, *, type: int) -> list[tuple[Any, ...]]:  # noqa: A002  # its name
        self.asked.append(host)
        return [
            (socket.AF_INET6, type, 6, "", (ip, port, 0, 0)) if ":" in ip else (socket.AF_INET, type, 6, "", (ip, port))
            for ip in self._answers.pop(0)
        ]


@dataclass
class Wire:
    """The addresses that were connected to. Those that are broken refuse; behind all others is this machine."""

    broken: set[str] = field(default_factory=set)
    connected: list[str] = field(default_factory=list)


class Authority:
    """An authority that signs certificates.

    Args:
        folder: for its files.

    Attributes:
        path: of its own certificate.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.path = folder / "authority.pem"
        self.path.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def serve_itself(self) -> ssl.SSLContext:
        """Return the TLS of a server whose certificate is that of the authority."""
        return self._make_context(self._key, self._certificate)

    def serve(self, *names: str, days: int = 30) -> ssl.SSLContext:
        """Return the TLS of a server.

        Args:
            names: and addresses in its certificate.
            days: until the certificate expires.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=20))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return self._make_context(key, certificate)

    def _make_context(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> ssl.SSLContext:
        path = self._folder / f"{certificate.serial_number}.pem"
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )
