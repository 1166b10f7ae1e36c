"""Names of services, networks and projects."""

import re

from domain.compose.findings import Code, FindingCollector, Location, quote

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
NAME_RULE = "start with a letter or digit, then use those, `.`, `_` and `-`, 63 characters at most"


def is_name(name: str) -> bool:
    """Return whether a service or network can have this name."""
    return bool(_NAME.fullmatch(name))


def check_name(name: str, location: Location, findings: FindingCollector) -> None:
    """Add a finding if a service or network cannot have this name."""
    if not is_name(name):
        findings.add(Code.BAD_NAME, f"{quote(name)} cannot be used as a name: {NAME_RULE}.", location)
