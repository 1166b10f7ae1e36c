"""Rules across the fields of a template file. A fault is a dotted field and a message."""

import re
from collections.abc import Iterable, Iterator

from domain.catalogue.spec.fields import Spec
from domain.catalogue.spec.rendering import REFERENCE, Leaf, leaves
from domain.compose import findings, yaml_tree
from domain.model.project import Component, Project
from domain.model.template import TemplateVariable, matcher

Fault = tuple[str, str]

_PINNED = re.compile(r"[^:@]+(:[0-9]+/[^:@]+)?(:(?!latest\Z)[^:@/]+|(:[^:@/]+)?@sha256:[0-9a-f]{64})")
_SPLIT = {("command",), ("entrypoint",), ("healthcheck", "test")}


def variable_faults(variables: Iterable[TemplateVariable]) -> Iterator[Fault]:
    """Yield the faults of the variable declarations."""
    taken: set[str] = set()
    for index, variable in enumerate(variables):
        if variable.name in taken:
            yield f"spec.variables.{index}.name", "Another variable has this name"
        taken.add(variable.name)
        for field, message in (*_choice_faults(variable), *_secret_faults(variable), *_default_faults(variable)):
            yield f"spec.variables.{index}.{field}", message


def _choice_faults(variable: TemplateVariable) -> Iterator[Fault]:
    if (variable.type == "select") != bool(variable.options):
        yield "options", "Variables of type select need options, and other types have none"
    if len(set(variable.options)) < len(variable.options):
        yield "options", "An option is listed twice"


def _secret_faults(variable: TemplateVariable) -> Iterator[Fault]:
    if variable.secret and variable.default is not None:
        yield (
            "default",
            "A secret has no default, since anyone can read this file: generate it, or let users choose it",
        )
    if variable.generate and not variable.secret:
        yield "generate", "Only secrets can be generated"
    if variable.generate and (variable.pattern or variable.type not in {"string", "secret", "password"}):
        yield "generate", "Generated values are letters and digits: they cannot have a pattern or another type"


def _default_faults(variable: TemplateVariable) -> Iterator[Fault]:
    try:
        matcher(variable.pattern or "")
    except ValueError:
        yield (
            "pattern",
            "Not a regular expression that can be matched in linear time: remove look-arounds and back-references",
        )
        return
    fault = variable.fault(variable.default) if variable.default else None
    if fault:
        yield "default", fault


def reference_faults(spec: Spec, variables: tuple[TemplateVariable, ...]) -> Iterator[Fault]:
    """Yield the faults between the compose text and the declarations; none if the text cannot be parsed."""
    try:
        found = tuple(leaves(yaml_tree.parse(spec.compose, findings.FindingCollector())))
    except findings.UnreadableTextError:
        return
    yield from _declaration_faults(frozenset().union(*(leaf.names for leaf in found)), variables)
    secrets = frozenset(variable.name for variable in variables if variable.secret)
    for before, leaf in zip((Leaf((), ""), *found), found, strict=False):
        for message in (*_leaf_faults(leaf, secrets), *_shell_faults(before, leaf)):
            yield "spec.compose", f"{'.'.join(leaf.path)}: {message}"


def _declaration_faults(used: frozenset[str], variables: tuple[TemplateVariable, ...]) -> Iterator[Fault]:
    for name in sorted(used - {variable.name for variable in variables}):
        yield "spec.compose", f"${{{name}}} is not declared in spec.variables"
    for index, variable in enumerate(variables):
        if variable.name not in used:
            yield f"spec.variables.{index}.name", f"The compose text does not use ${{{variable.name}}}"


def _leaf_faults(leaf: Leaf, secrets: frozenset[str]) -> Iterator[str]:
    if "$" in REFERENCE.sub("", leaf.text) or "$" in "".join(leaf.path):
        yield "A template refers to variables in values, as ${NAME} only; write $$ for a dollar"
    if leaf.names & secrets and leaf.path[2:3] != ("environment",):
        yield "A secret may stand in environment only"


def _shell_faults(before: Leaf, leaf: Leaf) -> Iterator[str]:
    follows = before.path[:-1] == leaf.path[:-1] and before.text in {"-c", "CMD-SHELL"}
    if leaf.names and (follows or leaf.path[2:] in _SPLIT):
        yield "A variable may not stand in a shell string: write a list, or $$NAME to let the shell read it"


def project_faults(spec: Spec, project: Project) -> Iterator[Fault]:
    """Yield what the file promises and the checked project does not have."""
    if not project.public_endpoint(spec.domains[0].port):
        yield "spec.domains.0.port", "No service of the compose text exposes this port"
    if spec.healthcheck and not project.public_endpoint(spec.healthcheck.port):
        yield "spec.healthcheck.port", "No service of the compose text exposes this port"
    for component in project.components:
        if not _PINNED.fullmatch(component.image):
            yield "spec.compose", f"services.{component.name}.image: name a version or a digest, and not latest"
        if spec.security_profile == "strict" and not _is_confined(component):
            message = f"strict needs read_only, cap_drop ALL and a user other than root; {component.name} lacks one"
            yield "spec.securityProfile", message


def _is_confined(component: Component) -> bool:
    user = (component.user or "root").split(":")[0]
    return component.read_only and "ALL" in component.cap_drop and user not in {"0", "root"}
