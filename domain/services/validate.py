"""Validate a compose text without creating a service."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from domain import compose
from domain.definitions.files import FileContent, decode, merge
from domain.definitions.host_access import may_give_host_access
from domain.errors import Invalid
from domain.identity.access import Caller
from domain.model.plan import DefaultSize
from domain.model.project import Project
from domain.ports import Ports
from domain.resources.dry_run import QuotaUse
from domain.tenancy.admission import growth_of_new, quota_uses
from domain.tenancy.quota import QuotaEffect, project_demand, quota_effect
from domain.tenancy.tenants import lock_tenant


class ServiceCheck(TypedDict):
    """The body of `validate_service`."""

    compose: str
    variables: NotRequired[dict[str, str]]
    files: NotRequired[dict[str, FileContent]]
    profiles: NotRequired[list[str]]


@dataclass(frozen=True)
class ValidationResult:
    """The findings about a compose text, and a sentence for people.

    `quota_effect` is None if one is an error; `quotas` are those of the caller's plans, with what the text asks for.
    """

    findings: tuple[compose.Finding, ...]
    quota_effect: QuotaEffect | None
    summary: str
    quotas: tuple[QuotaUse, ...] = ()


def validate_service(ports: Ports, caller: Caller, body: ServiceCheck) -> ValidationResult:
    """Return all findings about a compose text, and what a service of this text counts against quotas."""
    plain: dict[str, FileContent | None] = {
        path: {**file, "secret": False} for path, file in body.get("files", {}).items()
    }
    try:
        files, contents = merge(ports.vault, (), {}, plain)
    except Invalid as invalid:
        return _file_report(invalid)
    given = decode(ports.vault, files, contents)
    access = may_give_host_access(ports.settings, caller, caller.customer_id)
    result = compose.check(
        body["compose"], body.get("variables", {}), given, body.get("profiles", ()), host_access=access
    )
    unused = compose.unused_variables(result, body.get("variables", {}))
    findings = (*unused, *result.findings)
    effect = quota_effect(result.project) if result.project else None
    uses = _quota_uses(ports, caller, result.project) if result.project else ()
    return ValidationResult(findings, effect, _summary(result.project, findings), uses)


def _quota_uses(ports: Ports, caller: Caller, project: Project) -> tuple[QuotaUse, ...]:
    """Return what a service of the caller's customer would use of its plan; nothing if the caller has no customer."""
    now = ports.clock.now()
    with ports.store.read() as work:
        tenant = lock_tenant(work, now, caller.customer_id)
        growth = growth_of_new(project_demand(project, tenant.default_size or DefaultSize()))
        return quota_uses(work, tenant, growth)


def _file_report(invalid: Invalid) -> ValidationResult:
    """Return a result whose findings are the files that cannot be used; the text was not read."""
    findings = tuple(
        compose.Finding(compose.Code.BAD_VALUE, f"{field}: {message}", 1, "")
        for field, message in invalid.fields.items()
    )
    return ValidationResult(findings, None, _summary(None, findings))


def _summary(project: Project | None, findings: Iterable[compose.Finding]) -> str:
    """Return what the text means in one line: `accepted: 3 components, 2 volumes, 1 route; 4 things translated`."""
    codes = Counter(found.code for found in findings if found.severity == "warning")
    if project is None:
        return f"refused: {_count(sum(1 for found in findings if found.severity == 'error'), 'error')}"
    parts = [
        _count(len(project.components), "component"),
        _count(len(project.volumes), "volume"),
        _count(int(project.public_endpoint() is not None), "route"),
    ]
    translated, left_out = codes.pop(compose.Code.TRANSLATED, 0), codes.pop(compose.Code.NOT_KEPT, 0)
    remarks = [f"{_count(translated, 'thing')} translated"] if translated else []
    remarks += [f"{_count(left_out, 'thing')} left out"] if left_out else []
    remarks += [_count(codes.total(), "other warning")] if codes else []
    return "accepted: " + ", ".join(parts) + "".join(f"; {', '.join(remarks)}" if remarks else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
