"""The issuers whose tokens one application accepts besides its own: from its settings, and from ``issuer_loader``."""

from collections.abc import Mapping

from flask import Flask

from ..authentication.callbacks import Callbacks
from ..authentication.calling import call_function
from ..core.trusted_issuers.issuer import TrustedIssuer
from ..core.trusted_issuers.registry import TrustedIssuers
from ..core.trusted_issuers.rules import IssuerRules
from .key_sources import KeySources, source_facts
from .settings import Settings
from .tenants import Tenants
from .trusted_issuers import check_issuer


class Trust:
    """The trusted issuers of one application.

    Args:
        app: the application.
        settings: its settings.
        callbacks: the functions that it gave to ``TokenAuth``.

    Raises:
        SettingsError: the keys of an issuer, in the settings or in a file, cannot be used.
    """

    def __init__(self, app: Flask, settings: Settings, callbacks: Callbacks) -> None:
        self._app = app
        self._settings = settings
        self._callbacks = callbacks
        self._sources = KeySources(settings)
        self._issuers = TrustedIssuers(
            settings.issuer,
            [self._make_rules(issuer) for issuer in settings.trusted_issuers],
        )

    def find_issuers(self) -> TrustedIssuers:
        """Return the issuers, with the tenants that ``issuer_loader`` knows, if there is one."""
        loader = self._callbacks.load_issuer
        if loader is not None:
            self._issuers.find_tenant = Tenants(
                lambda name: call_function(self._app, "issuer_loader", loader.load, name),
                loader.pattern,
                make_rules=self._make_tenant_rules,
                check=self._check,
                per_second=self._settings.unknown_issuers_per_second,
            ).find
        return self._issuers

    @property
    def asks_functions(self) -> bool:
        """Whether functions of the application decide about tokens of these issuers."""
        issuers = self._settings.trusted_issuers
        return self._callbacks.load_issuer is not None or any(
            callable(issuer.users) or callable(issuer.revoked) for issuer in issuers
        )

    def list_rules(self) -> list[IssuerRules]:
        """Return the rules of the issuers in the settings."""
        return list(self._issuers)

    def find_rules(self, name: str) -> IssuerRules | None:
        """Return the rules of an issuer by its name, or None.

        Raises:
            KeySetUnavailable: ``issuer_loader`` failed.
        """
        return self._issuers.find({"iss": name})

    def find_judge(self, claims: Mapping[str, object] | None) -> str | None:
        """Return the issuer whose rules judge a token with these claims: ours or a trusted one; None if none does.

        Args:
            claims: untrusted.

        Raises:
            KeySetUnavailable: ``issuer_loader`` failed.
        """
        if claims is None:
            return None
        if self._issuers.are_ours(claims):
            return self._settings.issuer
        rules = self._issuers.find(claims)
        return None if rules is None else rules.issuer.name

    def _check(self, issuer: TrustedIssuer) -> None:
        check_issuer(issuer, own=self._settings.issuer, declared=self._settings.scopes)

    def _make_tenant_rules(self, issuer: TrustedIssuer, before: IssuerRules | None) -> IssuerRules:
        """Return the rules of a tenant. Tenants may choose their URLs, so none is on this machine in production."""
        return self._make_rules(issuer, before, may_be_local=self._app.debug or self._app.testing)

    def _make_rules(
        self, issuer: TrustedIssuer, before: IssuerRules | None = None, *, may_be_local: bool = True
    ) -> IssuerRules:
        """Return rules. If they follow others, these are returned if they are the same, or else their keys are kept."""
        if before is not None and before.issuer == issuer:
            return before
        if before is not None and source_facts(before.issuer) == source_facts(issuer):
            keys = before.keys
        else:
            keys = self._sources.open(issuer, may_be_local=may_be_local)
        return IssuerRules(issuer, keys, leeway=self._settings.leeway)
