"""The policy for compose texts: what is accepted, what is refused and why, and the project that a text means."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.compose.findings import CODES, Code, Finding, FindingCollector, Location, UnreadableTextError
from domain.compose.image_text import for_image, with_image, with_port
from domain.compose.interpolation import Interpolator
from domain.compose.projects import read_project
from domain.compose.sizes import apply_sizes
from domain.compose.values import ScalarValue, ValueBuilder
from domain.compose.yaml_tree import parse
from domain.model.project import Project

__all__ = ["CODES", "CheckResult", "Code", "Finding", "apply_sizes", "check", "for_image", "with_image", "with_port"]


@dataclass(frozen=True)
class CheckResult:
    """The project of a text, or None if any finding is an error. `used` are the variables that the text names."""

    project: Project | None
    findings: tuple[Finding, ...]
    used: frozenset[str]


def check(text: str, variables: Mapping[str, str] = {}) -> CheckResult:
    """Check a compose text with these variables and return its project and findings."""
    collector = FindingCollector()
    interpolator = Interpolator(variables)
    project = None
    try:
        project = _read(text, interpolator, collector)
    except UnreadableTextError as error:
        collector.add(error.code, error.message, error.location)
    findings = collector.ordered()
    accepted = all(finding.severity != "error" for finding in findings)
    return CheckResult(project if accepted else None, findings, frozenset(interpolator.used))


def _read(text: str, interpolator: Interpolator, collector: FindingCollector) -> Project | None:
    root = parse(text, collector)
    top = Location(1)
    value = ValueBuilder(interpolator, collector).build(root, top) if root else ScalarValue(top, "", "", null=True)
    return collector.attempt(lambda document: read_project(document, interpolator, collector), value)
