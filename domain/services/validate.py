"""Validate a compose text without creating a service."""

from dataclasses import dataclass
from typing import NotRequired, TypedDict

from domain import compose
from domain.definitions.files import FileContent, decode, merge
from domain.identity.access import Caller
from domain.ports import Ports
from domain.tenancy.quota import QuotaEffect, quota_effect


class ServiceCheck(TypedDict):
    """The body of `validate_service`."""

    compose: str
    variables: NotRequired[dict[str, str]]
    files: NotRequired[dict[str, FileContent]]
    profiles: NotRequired[list[str]]


@dataclass(frozen=True)
class ValidationResult:
    """The findings about a compose text; `quota_effect` is None if one of them is an error."""

    findings: tuple[compose.Finding, ...]
    quota_effect: QuotaEffect | None


def validate_service(ports: Ports, caller: Caller, body: ServiceCheck) -> ValidationResult:  # noqa: ARG001
    """Return all findings about a compose text, and what a service of this text counts against quotas."""
    plain: dict[str, FileContent | None] = {
        path: {**file, "secret": False} for path, file in body.get("files", {}).items()
    }
    files, contents = merge(ports.vault, (), {}, plain)
    given = decode(ports.vault, files, contents)
    result = compose.check(body["compose"], body.get("variables", {}), given, body.get("profiles", ()))
    unused = compose.unused_variables(result, body.get("variables", {}))
    return ValidationResult((*unused, *result.findings), quota_effect(result.project) if result.project else None)
