"""From what a rule answered to what goes out: the status, the shape and the headers that belong to it."""

from typing import Any

from domain.deployments import DeploymentDetail
from domain.model.api_key import ApiKey
from domain.model.operation import Operation
from domain.ports.store import Page
from domain.resources.dry_run import DryRun
from domain.resources.revisions import etag
from domain.services import Export, ServiceDetail
from handlers.openapi31 import Answer
from handlers.serializers import Issued, shape


def ok(result: object, **headers: str) -> Answer:
    """200 with the shape of the result, and its ETag where it has one."""
    return Answer(200, shape(result), {**_tag(result), **headers})


def created(result: object, **headers: str) -> Answer:
    """201, with the way to the work that goes on; 200 for a dry run."""
    if isinstance(result, DryRun):
        return ok(result)
    return Answer(201, shape(result), {**_tag(result), **location(result), **headers})


def changed(result: ServiceDetail) -> Answer:
    """200, with the way to the work that the change has begun, if any."""
    return Answer(200, shape(result), {**_tag(result), **location(result)})


def accepted(result: Operation | DeploymentDetail | DryRun) -> Answer:
    """202 with the way to the work; 200 for a dry run."""
    if isinstance(result, DryRun):
        return ok(result)
    return Answer(202, shape(result), location(result))


def page(result: Page[Any]) -> Answer:
    """200 with a page of a list."""
    data = [shape(item, summary=True) for item in result.items]
    return Answer(200, {"data": data, "total": result.total, "page": result.page, "per_page": result.per_page})


def no_content() -> Answer:
    """204."""
    return Answer(204)


def location(result: object) -> dict[str, str]:
    """Where to follow the work that a result stands for."""
    match result:
        case Operation():
            operation_id = result.id
        case DeploymentDetail():
            operation_id = result.deployment.operation_id
        case ServiceDetail(queued_operation_id=str(operation_id)):
            pass
        case _:
            return {}
    return {"Location": f"/api/operations/{operation_id}"}


def _tag(result: object) -> dict[str, str]:
    match result:
        case ServiceDetail() | Export():
            return {"ETag": etag(result.service.revision)}
        case DeploymentDetail():
            return {"ETag": etag(result.deployment.revision)}
        case Issued():
            return {"ETag": etag(result.api_key.revision)}
        case ApiKey() | Operation():
            return {"ETag": etag(result.revision)}
    return {}
