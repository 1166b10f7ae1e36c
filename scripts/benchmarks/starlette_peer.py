"""The same two operations in bare Starlette: nothing is validated, and the JSON is written by hand."""

import json
from dataclasses import asdict

import shared
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from domain import services, users


def _known(request: Request) -> tuple[shared.Caller, dict[str, str]]:
    address = request.client.host if request.client else ""
    try:
        found = shared.authenticate(request.headers.get("authorization", "").removeprefix("Bearer "), address)
        return found, shared.headers(found)
    except shared.DeniedError as fault:
        raise HTTPException(401) from fault


def list_permissions(request: Request) -> JSONResponse:
    """GET /permissions; a function that is not async runs in the thread pool, key lookup and all."""
    known, headers = _known(request)
    page = users.list_permissions(shared.WORLD, known)  # type: ignore[arg-type]
    data = [{"name": one.name, "operations": one.operations} for one in page.items]
    return JSONResponse(
        {"data": data, "total": page.total, "page": page.page, "per_page": page.per_page}, headers=headers
    )


async def validate_service(request: Request) -> JSONResponse:
    """POST /services/validate; one hop to the thread pool, once the body is there."""
    return await run_in_threadpool(_validated, request, await request.body())


def _validated(request: Request, body: bytes) -> JSONResponse:
    known, headers = _known(request)
    if "services.read" not in known.permissions:
        raise HTTPException(403)
    report = services.validate_service(shared.WORLD, known, json.loads(body))  # type: ignore[arg-type]
    findings = [
        {"code": one.code, "message": one.message, "line": one.line, "pointer": one.pointer} for one in report.findings
    ]
    effect = asdict(report.quota_effect) if report.quota_effect else None
    return JSONResponse({"valid": effect is not None, "findings": findings, "quota_effect": effect}, headers=headers)


app = Starlette(
    routes=[
        Route("/api/permissions", list_permissions),
        Route("/api/services/validate", validate_service, methods=["POST"]),
    ]
)
