"""The policy for compose texts: what is accepted, what is refused and why, and the project that a text means."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from domain.compose.context import Inputs
from domain.compose.files import GivenFiles
from domain.compose.findings import (
    CODES,
    Code,
    Finding,
    FindingCollector,
    Location,
    TooManyErrors,
    UnreadableTextError,
    quote,
)
from domain.compose.image_text import for_image, with_image, with_port
from domain.compose.interpolation import Interpolator
from domain.compose.projects import read_project
from domain.compose.sizes import apply_default_size, apply_sizes
from domain.compose.values import ScalarValue, ValueBuilder
from domain.compose.yaml_tree import parse
from domain.model.project import Project

__all__ = [
    "CODES",
    "CheckResult",
    "Code",
    "Finding",
    "apply_default_size",
    "apply_sizes",
    "check",
    "for_image",
    "unused_variables",
    "with_image",
    "with_port",
]


@dataclass(frozen=True)
class CheckResult:
    """The project of a text, or None if any finding is an error. `used` are the variables that the text names."""

    project: Project | None
    findings: tuple[Finding, ...]
    used: frozenset[str]


def check(
    text: str,
    variables: Mapping[str, str] = {},
    files: Mapping[str, str | bytes] = {},
    profiles: Collection[str] = (),
    *,
    host_access: bool = False,
) -> CheckResult:
    """Check a compose text and return its project and findings.

    `files` maps paths relative to the text (`nginx.conf`, `conf/app.env`) to contents: what bind mounts, `env_file`,
    `configs` and `secrets` name. `profiles` are active; the variable `COMPOSE_PROFILES` activates more, as in compose.
    With `host_access`, what gives power over the host is a warning instead of an error.
    """
    collector = FindingCollector()
    active = frozenset([*profiles, *variables.get("COMPOSE_PROFILES", "").split(",")])
    inputs = Inputs(collector, Interpolator(variables), GivenFiles(files), active, host_access=host_access)
    project = None
    try:
        inputs.files.check_size()
        project = _read(text, inputs)
    except UnreadableTextError as error:
        with suppress(TooManyErrors):
            collector.add(error.code, error.message, error.location)
    except TooManyErrors:
        pass
    findings = collector.ordered()
    accepted = all(finding.severity != "error" for finding in findings)
    return CheckResult(project if accepted else None, findings, frozenset(inputs.interpolator.used))


def unused_variables(result: CheckResult, variables: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return a warning if the text does not use all variables: no container gets them."""
    names = [name for name in variables if name not in result.used and not name.startswith("COMPOSE_")]
    if not names or result.project is None:
        return ()
    others = f" and {len(names) - 1} more are" if len(names) > 1 else " is"
    message = (
        f"The variable {quote(names[0])}{others} not used by the text, so no container gets it. Write"
        f" `environment: [{names[0]}]` under the service that needs it, or remove the variable."
    )
    return (Finding(Code.UNUSED_VARIABLE, message, 1, "", "warning"),)


def _read(text: str, inputs: Inputs) -> Project | None:
    root = parse(text, inputs.findings)
    top = Location(1)
    builder = ValueBuilder(inputs.interpolator, inputs.findings)
    value = builder.build(root, top) if root else ScalarValue(top, "", "", null=True)
    return inputs.findings.attempt(lambda document: read_project(document, inputs), value)
