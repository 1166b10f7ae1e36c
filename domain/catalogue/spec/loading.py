"""Load a template from the text of its file."""

from collections.abc import Iterable
from hashlib import sha256

from domain import compose
from domain.catalogue.spec import fields, rules
from domain.compose import CheckResult
from domain.errors import Invalid
from domain.model.definition import HealthCheck, MinResources
from domain.model.project import Project
from domain.model.template import Expose, Template, TemplateVariable

_SAMPLES = {"integer": "1", "boolean": "true", "email": "someone@example.com", "url": "https://example.com"}


def load(text: str) -> Template:
    """Return the template that a file describes. Raise Invalid with all faults of a stage, by dotted field."""
    file = fields.read(text)
    variables = tuple(variable.to_variable() for variable in file.spec.variables)
    _refuse((*rules.variable_faults(variables), *rules.reference_faults(file.spec, variables)))
    project = _project(compose.check(file.spec.compose, {variable.name: _sample(variable) for variable in variables}))
    _refuse(rules.project_faults(file.spec, project))
    return _template(text, file, variables, project)


def _refuse(faults: Iterable[rules.Fault]) -> None:
    fields: dict[str, str] = {}
    for field, message in faults:
        fields[field] = f"{fields[field]}; {message}" if field in fields else message
    if fields:
        raise Invalid(fields)


def _project(result: CheckResult) -> Project:
    if result.project is None or result.findings:  # a template has no need of warnings: it can be written without
        findings = (fields.located(finding.line, finding.message) for finding in result.findings)
        raise Invalid({"spec.compose": "; ".join(findings)})
    return result.project


def _sample(variable: TemplateVariable) -> str:
    return variable.default or next(iter(variable.options), _SAMPLES.get(variable.type, "sample"))


def _template(text: str, file: fields.File, variables: tuple[TemplateVariable, ...], project: Project) -> Template:
    metadata, spec = file.metadata, file.spec
    minimum, domain = spec.min_resources, spec.domains[0]
    return Template(
        id=metadata.name,
        name=metadata.display_name,
        description=metadata.description,
        documentation=metadata.documentation,
        category=metadata.category,
        icon=metadata.icon,
        tags=metadata.tags,
        featured=metadata.featured,
        trending=metadata.trending,
        coming_soon=metadata.coming_soon,
        security_profile=spec.security_profile,
        min_resources=MinResources(minimum.cpu_cores, minimum.memory_mb, minimum.storage_mb),
        healthcheck=_health_check(spec.healthcheck, domain.port),
        expose=Expose(domain.port, domain.protocol),
        variables=variables,
        compose=spec.compose,
        images=tuple(sorted({component.image for component in project.components})),
        source=text,
        digest=sha256(text.encode()).hexdigest(),
    )


def _health_check(check: fields.Check | None, port: int) -> HealthCheck | None:
    return HealthCheck(check.path, check.port or port, check.interval, check.timeout) if check else None
