"""TLS of the connections, from the parameters of redis-py. The certificate of the server is always checked."""

import ssl
from collections.abc import Mapping
from typing import Any

from ...core.errors import SettingsError

_REQUIRED = ("required", ssl.CERT_REQUIRED)
_NOT_SUPPORTED = ("ssl_validate_ocsp", "ssl_validate_ocsp_stapled", "ssl_ocsp_context", "ssl_ocsp_expected_cert")


def make_context(options: Mapping[str, Any]) -> ssl.SSLContext:
    """Return a context for TLS.

    Args:
        options: the arguments of redis-py that begin with ``ssl_``.

    Raises:
        SettingsError: they turn the check of the certificate off, ask for OCSP, or name a file that cannot be read.
    """
    if options.get("ssl_cert_reqs", "required") not in _REQUIRED:
        raise SettingsError(
            "ssl_cert_reqs of the store must be required, got another value: name the certificate authority of the "
            "server by ssl_ca_certs, so that nobody else can take its place"
        )
    for name in _NOT_SUPPORTED:
        if options.get(name):
            raise SettingsError(f"{name} is not supported by the store: leave it out")
    if options.get("ssl_keyfile") and not options.get("ssl_certfile"):
        raise SettingsError("ssl_keyfile of the store must come with ssl_certfile")
    try:
        return _make_context(options)
    except (OSError, ValueError, TypeError) as error:
        raised = type(error).__name__
    raise SettingsError(
        f"the files and values for TLS of the store must be readable, but this raised {raised}: check ssl_ca_certs, "
        "ssl_certfile and ssl_keyfile"
    )


def _make_context(options: Mapping[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cafile=options.get("ssl_ca_certs") or None,
        capath=options.get("ssl_ca_path") or None,
        cadata=options.get("ssl_ca_data") or None,
    )
    context.check_hostname = options.get("ssl_check_hostname") is not False
    if certificate := options.get("ssl_certfile"):
        context.load_cert_chain(certificate, options.get("ssl_keyfile"), options.get("ssl_password"))
    if version := options.get("ssl_min_version"):
        context.minimum_version = version
    if ciphers := options.get("ssl_ciphers"):
        context.set_ciphers(ciphers)
    return context
