"""``flask tokenauth keys fetch``: the keys of a trusted issuer, as this application sees them now."""

import click

from ...application.app_state import current_state
from ...application.trust import Trust
from ...core.errors import SettingsError
from ..output import echo_untrusted, errors_as_messages


@click.command()
@click.argument("issuer")
def fetch(*, issuer: str) -> None:
    """Fetch the keys of the trusted issuer ISSUER, and show which are used; exit with 1 if none is."""
    trust = current_state().trust
    with errors_as_messages():
        rules = trust.find_rules(issuer)
        if rules is None:
            raise SettingsError(_describe_unknown(trust))
        keys = rules.keys.refresh()
    for kid, key in keys.list_keys():
        echo_untrusted(f"{kid or '(no kid)'}  {key.algorithm}")
    for number, reason in rules.keys.skipped.items():
        echo_untrusted(f"key {number} is not used: {reason}")
    if not keys:
        raise click.ClickException("no key of this issuer can be used, so all its tokens are refused")


def _describe_unknown(trust: Trust) -> str:
    names = [rules.issuer.name for rules in trust.list_rules()]
    known = f"trusted are {', '.join(names)}" if names else "TOKENAUTH_TRUSTED_ISSUERS has none"
    return f"ISSUER must be the name of a trusted issuer, as in the claim iss, got another: {known}"
