"""The peer of the panel: the same operations, written as in the documentation of FastAPI, SQLAlchemy and `limits`.

It uses a session per request and the caller by `Depends`, synchronous functions, mapped classes, and pydantic models
for requests and responses (`response_model` is FastAPI's fast way: pydantic writes the JSON itself). Tables, indexes,
pool, and the rules that know neither HTTP nor SQL (the compose policy, the bounds of API keys) are the panel's.

It does one thing more: it counts the items of every list, while the panel counts lists of more than a thousand items
every ten seconds, as documented. It omits: recording the use of keys, a consistent snapshot for the reads of a request,
request IDs from clients, a common shape of errors, cookies, tickets, Idempotency-Key and If-None-Match.
"""

import hmac
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil
from types import SimpleNamespace
from typing import Annotated, Any

import models
from fastapi import Depends, FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from tables import ApiKey, Deployment, Operation, Service, open_session

from domain import services, users
from domain.adapters.system import Clock
from domain.api_keys import bounds, fields
from domain.identity import networks, tokens
from domain.identity.access import sees
from domain.identity.permissions import granted
from domain.model.identifiers import new_id
from domain.model.operation import OperationStatus
from handlers import routing
from handlers.openapi31 import Document
from handlers.static_asset import DOCUMENT

app = FastAPI()
_PORTS: Any = SimpleNamespace(
    clock=Clock(), operations_by_permission=routing.operations_by_permission(Document.load(DOCUMENT.content))
)
_DEFAULT_LIMIT = int(os.environ["PANEL_RATE_LIMIT_AUTHENTICATED"])
_LIMITER = FixedWindowRateLimiter(MemoryStorage())
_UNFINISHED = (OperationStatus.QUEUED, OperationStatus.RUNNING)


def _session() -> Iterator[Session]:
    with open_session() as session:
        yield session


Stored = Annotated[Session, Depends(_session)]


def _authenticate(
    request: Request,
    response: Response,
    session: Stored,
    given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> ApiKey:
    """Authenticate the key, count the request, and set the headers of the rate limit."""
    prefix = tokens.prefix_of(given.credentials)
    key = session.scalar(select(ApiKey).where(ApiKey.prefix == prefix))
    if key is None or not _is_valid(key, given.credentials, request.client.host if request.client else ""):
        raise HTTPException(401, "A valid API key is required")
    item = RateLimitItemPerMinute(key.rate_limit_rpm or _DEFAULT_LIMIT)
    allowed = _LIMITER.hit(item, key.id)
    reset_at, remaining = _LIMITER.get_window_stats(item, key.id)
    response.headers["X-Request-Id"] = new_id("req")
    response.headers["X-RateLimit-Limit"] = str(item.amount)
    response.headers["X-RateLimit-Remaining"] = str(remaining)
    response.headers["X-RateLimit-Reset"] = str(ceil(reset_at))
    if not allowed:
        raise HTTPException(429, "Too many requests", {"Retry-After": str(max(1, ceil(reset_at - time.time())))})
    return key


def _is_valid(key: ApiKey, text: str, address: str) -> bool:
    given, now = tokens.digest(text), datetime.now(UTC)
    current = hmac.compare_digest(given, key.digest)
    previous = hmac.compare_digest(given, key.previous_digest or "0" * 64)
    valid_secret = current or (previous and key.previous_until is not None and now < key.previous_until)
    return valid_secret and not (key.expires_at and key.expires_at <= now) and networks.allows(key.allowed_ips, address)


Authenticated = Annotated[ApiKey, Depends(_authenticate)]


def _allow(key_row: ApiKey, permission: str) -> None:
    if permission not in granted(key_row.grant):
        raise HTTPException(403, f"This operation requires the permission {permission}")


@app.get("/api/permissions", response_model=models.PermissionList)
def list_permissions(key_row: Authenticated) -> Any:  # noqa: ANN401 - see response_model
    """GET /permissions"""
    page = users.list_permissions(_PORTS, key_row)  # type: ignore[arg-type]
    return vars(page) | {"data": page.items}


@app.post("/api/services/validate", response_model=models.ServiceReport)
def validate_service(key_row: Authenticated, body: models.ServiceCheck) -> Any:  # noqa: ANN401 - see response_model
    """POST /services/validate"""
    _allow(key_row, "services.read")
    report = services.validate_service(_PORTS, key_row, body.model_dump())  # type: ignore[arg-type]
    valid = report.quota_effect is not None
    return {"valid": valid, "findings": report.findings, "quota_effect": report.quota_effect}


@app.get("/api/services", response_model=models.ServiceList)
def list_services(session: Stored, key_row: Authenticated, query: Annotated[models.ServiceQuery, Query()]) -> Any:  # noqa: ANN401
    """GET /services"""
    _allow(key_row, "services.read")
    given = {name: getattr(query, name) for name in ("status", "template", "deploy_method", "customer_id")}
    wanted = [getattr(Service, name) == value for name, value in given.items() if value is not None]
    if key_row.customer_id:
        wanted.append(Service.customer_id == key_row.customer_id)
    if query.search:
        wanted.append(Service.name.icontains(query.search, autoescape=True))
    total = session.scalar(select(func.count()).select_from(Service).where(*wanted))
    sort = getattr(Service, query.sort)
    order = (sort.desc(), Service.id.desc()) if query.order == "desc" else (sort, Service.id)
    found = select(Service).where(*wanted).order_by(*order).limit(query.per_page + 1)
    rows = session.scalars(found.offset((query.page - 1) * query.per_page)).all()
    page = {"total": total, "page": query.page, "per_page": query.per_page}
    return {"data": rows[: query.per_page], **page, "has_more": len(rows) > query.per_page}


@app.get("/api/services/{service_id}", response_model=models.Service)
def get_service(
    session: Stored,
    key_row: Authenticated,
    response: Response,
    service_id: Annotated[str, Path(pattern="^svc_[0-9a-z]+$", max_length=64)],
) -> Any:  # noqa: ANN401 - see response_model
    """GET /services/{service_id}"""
    _allow(key_row, "services.read")
    service = session.get(Service, service_id)
    if service is None or not sees(key_row, service.customer_id):  # type: ignore[arg-type]
        raise HTTPException(404, "Service not found")
    newest = select(Deployment).where(Deployment.service_id == service.id)
    deployment = session.scalar(newest.order_by(Deployment.created_at.desc(), Deployment.id.desc()).limit(1))
    unfinished = select(Operation).where(Operation.lock_key == service.id, Operation.status.in_(_UNFINISHED))
    operation = session.scalar(unfinished.order_by(Operation.id).limit(1))
    live = session.get(Deployment, service.live_deployment_id) if service.live_deployment_id else None
    service.deployment_id = deployment.id if deployment else None
    service.operation_id = operation.id if operation else None
    service.pending_changes = live is None or live.definition != service.definition
    response.headers["ETag"] = f'"{service.revision}"'
    return service


@app.post("/api/v1/api-keys", response_model=models.ApiKeyWithSecret, status_code=201)
def create_api_key(session: Stored, key_row: Authenticated, response: Response, body: models.ApiKeyCreate) -> Any:  # noqa: ANN401
    """POST /v1/api-keys"""
    _allow(key_row, "api_keys.write")
    text, now = tokens.new_api_key(), datetime.now(UTC)
    read = fields.read(_PORTS, body.model_dump(by_alias=True, exclude_unset=True))  # type: ignore[arg-type]
    key = ApiKey.inheriting(key_row, text, now, read.values)
    excess = bounds.excess(key.grant, key_row.grant)
    excess |= bounds.rate_excess(key.rate_limit_rpm, key_row.grant, _DEFAULT_LIMIT)
    if problems := read.problems | fields.missing(key) | excess:  # type: ignore[arg-type]
        raise HTTPException(422, problems)
    session.add(key)
    session.commit()
    response.headers["ETag"] = f'"{key.revision}"'
    response.headers["Cache-Control"] = "no-store"
    return key
