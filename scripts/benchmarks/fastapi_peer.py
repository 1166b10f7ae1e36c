"""The same two operations as people write them with FastAPI: the key by `Depends`, pydantic in and out.

`response_model` is on: since FastAPI 0.130 that is its fast way, as pydantic then writes the JSON itself.
"""

from typing import Annotated, Any

import shared
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from domain import services, users

app = FastAPI()


class ServiceCheck(BaseModel):
    """What `POST /services/validate` takes."""

    model_config = ConfigDict(extra="forbid")
    compose: Annotated[str, StringConstraints(min_length=1, max_length=262144)]
    variables: dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)],
        Annotated[str, StringConstraints(max_length=65536)],
    ] = Field(default={}, max_length=200)


class Attributes(BaseModel):
    """A model that is made from what a rule returns."""

    model_config = ConfigDict(from_attributes=True)


class Permission(Attributes):
    """One permission."""

    name: str
    operations: list[str]


class PermissionList(BaseModel):
    """A page of them."""

    data: list[Permission]
    total: int
    page: int
    per_page: int


class Finding(Attributes):
    """What the policy says of one place."""

    code: str
    message: str
    line: int
    pointer: str


class QuotaEffect(Attributes):
    """What a project takes."""

    services: int
    containers: int
    cpu: float
    memory_mb: int
    storage_mb: int


class ServiceReport(BaseModel):
    """What the policy says."""

    valid: bool
    findings: list[Finding]
    quota_effect: QuotaEffect | None


def caller(
    request: Request, response: Response, given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> shared.Caller:
    """Whose key it is; in the thread pool, since the database blocks."""
    try:
        found = shared.authenticate(given.credentials, request.client.host if request.client else "")
        response.headers.update(shared.headers(found))
    except shared.DeniedError as fault:
        raise HTTPException(401) from fault
    return found


Known = Annotated[shared.Caller, Depends(caller)]


@app.get("/api/permissions", response_model=PermissionList)
async def list_permissions(known: Known) -> Any:  # noqa: ANN401 - response_model says it
    """GET /permissions"""
    page = users.list_permissions(shared.WORLD, known)  # type: ignore[arg-type]
    return PermissionList(
        data=[Permission(name=one.name, operations=list(one.operations)) for one in page.items],
        total=page.total,
        page=page.page,
        per_page=page.per_page,
    )


@app.post("/api/services/validate", response_model=ServiceReport)
def validate_service(known: Known, body: ServiceCheck) -> Any:  # noqa: ANN401 - response_model says it
    """POST /services/validate"""
    if "services.read" not in known.permissions:
        raise HTTPException(403)
    report = services.validate_service(shared.WORLD, known, body.model_dump())  # type: ignore[arg-type]
    effect = report.quota_effect
    return ServiceReport(
        valid=effect is not None,
        findings=[Finding.model_validate(one) for one in report.findings],
        quota_effect=QuotaEffect.model_validate(effect) if effect else None,
    )
