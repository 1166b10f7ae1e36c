"""From the text of a template file to a template."""

from collections.abc import Iterable
from hashlib import sha256

from domain import compose
from domain.catalogue.spec import fields, rules
from domain.catalogue.spec.template import Expose, Template, TemplateVariable
from domain.compose import CheckResult
from domain.errors import Invalid
from domain.model.definition import HealthCheck, MinResources
from domain.model.project import Project

_SAMPLES = {"integer": "1", "boolean": "true", "email": "someone@example.com", "url": "https://example.com"}


def load(text: str) -> Template:
    """The template that this file describes; raises Invalid with every fault by its dotted field."""
    file = fields.read(text)
    variables = tuple(variable.meant() for variable in file.spec.variables)
    _refuse((*rules.variable_faults(variables), *rules.reference_faults(file.spec, variables)))
    project = _project(compose.check(file.spec.compose, {each.name: _sample(each) for each in variables}))
    _refuse(rules.project_faults(file.spec, project))
    return _template(file, variables, project, sha256(text.encode()).hexdigest())


def _refuse(faults: Iterable[rules.Fault]) -> None:
    fields: dict[str, str] = {}
    for field, message in faults:
        fields[field] = f"{fields[field]}; {message}" if field in fields else message
    if fields:
        raise Invalid(fields)


def _project(checked: CheckResult) -> Project:
    if checked.project is None:
        errors = (found for found in checked.findings if found.severity == "error")
        raise Invalid({"spec.compose": "; ".join(fields.located(found.line, found.message) for found in errors)})
    return checked.project


def _sample(variable: TemplateVariable) -> str:
    return variable.default or next(iter(variable.options), _SAMPLES.get(variable.type, "sample"))


def _template(file: fields.File, variables: tuple[TemplateVariable, ...], project: Project, digest: str) -> Template:
    about, spec = file.metadata, file.spec
    least, front = spec.min_resources, spec.domains[0]
    return Template(
        id=about.name,
        name=about.display_name,
        description=about.description,
        category=about.category,
        icon=about.icon,
        tags=about.tags,
        featured=about.featured,
        trending=about.trending,
        coming_soon=about.coming_soon,
        security_profile=spec.security_profile,
        min_resources=MinResources(least.cpu_cores, least.memory_mb, least.storage_mb),
        healthcheck=_health_check(spec.healthcheck, front.port),
        expose=Expose(front.port, front.protocol),
        variables=variables,
        compose=spec.compose,
        images=tuple(sorted({component.image for component in project.components})),
        digest=digest,
    )


def _health_check(check: fields.Check | None, front: int) -> HealthCheck | None:
    return HealthCheck(check.path, check.port or front, check.interval, check.timeout) if check else None
