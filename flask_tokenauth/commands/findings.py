"""The findings of the doctor, and the words that they share."""

from dataclasses import dataclass
from typing import Literal

from ..guards.route_requirements import Route

Severity = Literal["error", "warning", "hint", "info"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint", "info")  # the worst first
_MOST_NAMED = 3  # in one sentence


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake (``error``), a risk (``warning``), something to look at (``hint``), or a plain fact (``info``)."""

    severity: Severity
    sentence: str  # names the setting, and what to do


def finding_for(severity: Severity, introduction: str, error: Exception) -> Finding:
    """Return a finding with the message of *error*, which may end with a question."""
    sentence = f"{introduction}: {error}"
    return Finding(severity, sentence if sentence.endswith("?") else f"{sentence}.")


def name_route(route: Route) -> str:
    """Return the method and the rule of *route*."""
    return f"{route.method} {route.rule.rule}"


def name_some(names: list[str]) -> str:
    """Return the first of *names*, and how many others there are."""
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
