"""A server of Redis that has a port with TLS too. Debian's is the only server of the tests that is built with TLS."""

from pathlib import Path

from .certificate import make_certificate
from .redis import RedisServer, find_redis_port
from .server import LOCAL, PASSWORD, USER


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
