"""A server of Redis that has a port with TLS too. Debian's is the only server of the tests that is built with TLS."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from .redis import RedisServer, find_redis_port
from .server import LOCAL, PASSWORD, USER


def make_certificate() -> tuple[bytes, bytes]:
    """Return a new private key and its certificate for the address of the server, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOCAL))])
    certificate = builder.add_extension(address, critical=False).sign(key, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, certificate.public_bytes(Encoding.PEM)


class RedisServerWithTls(RedisServer):
    """A server whose URL is that of its port with TLS. Its certificate is for the address alone, not for a name.

    Attributes:
        tls_port: the other port.
        certificate: the file of the certificate, which is its own authority.
    """

    def __init__(self, program: Path) -> None:
        super().__init__(program)
        self.tls_port = find_redis_port()
        self.certificate, self.key = self.folder / "certificate.pem", self.folder / "key.pem"
        self.options += [
            f"tls-port {self.tls_port}",
            f"tls-cert-file {self.certificate}",
            f"tls-key-file {self.key}",
            f"tls-ca-cert-file {self.certificate}",
            "tls-auth-clients no",
        ]

    def prepare(self) -> None:
        for path, data in zip((self.key, self.certificate), make_certificate(), strict=True):
            path.write_bytes(data)
            self.hand_over(path)
        super().prepare()

    def url(self, database: str = "0") -> str:
        return f"rediss://{USER}:{PASSWORD}@{LOCAL}:{self.tls_port}/{database}?ssl_ca_certs={self.certificate}"
