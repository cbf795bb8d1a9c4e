"""The findings of the doctor about trusted issuers: keys that cannot be fetched, and entries that should not stay."""

from collections.abc import Iterator

from ..application.app_state import AppState
from ..application.setting_types import PREFIX
from ..core.errors import KeySetUnavailable
from .findings import Finding, finding_for


def _keys(state: AppState) -> Iterator[Finding]:
    """Fetch the keys of each issuer, as its first token would."""
    for rules in state.trust.list_rules():
        try:
            keys = rules.keys.refresh()
        except KeySetUnavailable as error:
            yield finding_for("error", "Tokens would be refused with 503", error)
            continue
        if keys:
            yield Finding(
                "info",
                f"The trusted issuer {rules.issuer.name} has {len(keys)} keys that are used, and "
                f"{len(rules.keys.skipped)} that are not.",
            )
        else:
            yield Finding(
                "error",
                f"The trusted issuer {rules.issuer.name} publishes no key that can be used, so its tokens are refused: "
                "flask tokenauth keys fetch shows why.",
            )


def _ends(state: AppState) -> Iterator[Finding]:
    for rules in state.trust.list_rules():
        until = rules.issuer.until
        if until is not None and until.timestamp() <= state.clock():
            yield Finding(
                "warning",
                f"{PREFIX}TRUSTED_ISSUERS: until of {rules.issuer.name} has passed, so its tokens are refused: remove "
                "the issuer.",
            )


def _secrets(state: AppState) -> Iterator[Finding]:
    for rules in state.trust.list_rules():
        issuer = rules.issuer
        if issuer.secret is not None and issuer.until is None:
            yield Finding(
                "hint",
                f"{PREFIX}TRUSTED_ISSUERS: the tokens of {issuer.name} are signed with a secret, so everyone who can "
                "check them can make them: let the issuer sign with a key pair.",
            )


def _addresses(state: AppState) -> Iterator[Finding]:
    for rules in state.trust.list_rules():
        if any("email" in name.lower() for name in rules.issuer.layout.user_claims):
            yield Finding(
                "warning",
                f"{PREFIX}TRUSTED_ISSUERS: an e-mail address names the users of {rules.issuer.name}, which may be "
                "unverified, and gets new owners: use an ID, such as sub.",
            )


CHECKS = (_keys, _ends, _secrets, _addresses)
