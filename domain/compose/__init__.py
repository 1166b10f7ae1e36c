"""The one policy on compose texts: what is accepted, what is refused and why, and the project that a text means."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.compose.findings import CODES, Code, Finding, Notes, Place, UnreadableError
from domain.compose.interpolation import Filler
from domain.compose.projects import project
from domain.compose.reading import read
from domain.compose.sizes import scaled
from domain.compose.values import Placer, Text
from domain.compose.writing import for_image, with_image, with_port
from domain.model.project import Project

__all__ = ["CODES", "Checked", "Code", "Finding", "check", "for_image", "scaled", "with_image", "with_port"]


@dataclass(frozen=True)
class Checked:
    """What a text means, or what is wrong with it; `used` are the variables that it names."""

    project: Project | None
    findings: tuple[Finding, ...]
    used: frozenset[str]


def check(text: str, variables: Mapping[str, str] = {}) -> Checked:
    """Read a text with these variables; the project is None when any finding is an error."""
    notes = Notes()
    filler = Filler(variables)
    found = None
    try:
        found = _project(text, filler, notes)
    except UnreadableError as fault:
        notes.add(fault.code, fault.message, fault.place)
    findings = notes.all()
    good = all(finding.severity != "error" for finding in findings)
    return Checked(found if good else None, findings, frozenset(filler.used))


def _project(text: str, filler: Filler, notes: Notes) -> Project | None:
    root = read(text, notes)
    placer = Placer(filler, notes)
    top = Place(1)
    value = placer.value(root, top) if root else Text(top, "", "", null=True)
    return notes.attempt(lambda found: project(found, filler, notes), value)
