"""Check the field names of a map: accepted, ignored with a reason, refused with a reason, or unknown."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from domain.compose.findings import Code, FindingCollector, quote
from domain.compose.values import MapValue, is_blank


@dataclass(frozen=True)
class FieldRules:
    """What compose knows and the panel does not apply.

    `refused` fields are errors: name → code and advice. `ignored` fields are warnings: name → reason. `silent` fields
    change nothing that a deployment starts, so there is no finding. Blank values (null, empty, `false`) of refused and
    ignored fields ask for nothing and are accepted.
    """

    refused: Mapping[str, tuple[Code, str]] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()


def check_fields(section: MapValue, accepted: Collection[str], rules: FieldRules, findings: FindingCollector) -> None:
    """Add a finding for each field that is not accepted."""
    for name, value in section.entries.items():
        if name in accepted or name in rules.silent:
            continue
        if name in rules.refused or name in rules.ignored:
            if not is_blank(value):
                code, message, severity = _finding(name, rules)
                findings.add(code, message, value.location, severity)
        else:
            findings.add(Code.UNKNOWN_FIELD, _unknown(name, accepted), value.location)


def _finding(name: str, rules: FieldRules) -> tuple[Code, str, Literal["error", "warning"]]:
    if name in rules.ignored:
        return Code.NOT_KEPT, f"`{name}` has no effect: {rules.ignored[name]}.", "warning"
    code, advice = rules.refused[name]
    return code, f"Remove `{name}`: {advice}.", "error"


def _unknown(name: str, accepted: Collection[str]) -> str:
    near = difflib.get_close_matches(name.lower()[:64], accepted, 1)
    if near:
        return f"Compose has no field {quote(name)} here. Did you mean `{near[0]}`?"
    if not accepted:
        return f"Remove {quote(name)}: nothing can be written here."
    return f"Compose has no field {quote(name)} here. Remove it."
