"""From a refusal to an answer: the one table from kinds to statuses, and the one shape of an error."""

import logging
from collections.abc import Callable
from typing import Any

from starlette.types import Scope

from domain import errors
from handlers import openapi31
from handlers.openapi31 import Answer

_log = logging.getLogger(__name__)

STATUS: dict[type[errors.Refusal], int] = {
    errors.BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.Stale: 412,
    errors.Invalid: 422,
    errors.UpgradeRequired: 426,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
REQUEST_ID = "panel.request_id"


def answer(scope: Scope, fault: Exception) -> Answer:
    """What to say to any exception; what nobody foresaw is logged with its trace and said without detail."""
    if isinstance(fault, errors.Refusal):
        return _refused(scope, fault)
    words = _WORDS.get(type(fault))
    if words is not None:
        return envelope(scope, type(fault).status, **words(fault))  # type: ignore[attr-defined]
    _log.error("unforeseen", exc_info=fault, extra={"request_id": scope.get(REQUEST_ID)})
    details = f"The log has it under {scope.get(REQUEST_ID)}"
    return envelope(scope, 500, "internal_error", "Something went wrong", details)


def envelope(
    scope: Scope,
    status: int,
    code: str,
    message: str,
    details: str | None = None,
    fields: dict[str, str] | None = None,
) -> Answer:
    """An error in the shape that every error has."""
    error: dict[str, Any] = {"code": code, "message": message}
    error |= {"details": details} if fields is None else {"fields": fields}
    return Answer(status, {"error": error | {"request_id": scope.get(REQUEST_ID, "")}})


def _refused(scope: Scope, refusal: errors.Refusal) -> Answer:
    fields = refusal.fields if isinstance(refusal, errors.Invalid) else None
    said = envelope(scope, STATUS[type(refusal)], refusal.code, refusal.message, refusal.details, fields)
    match refusal:
        case errors.TooMany():
            said.headers = {"Retry-After": str(refusal.retry_after)}
        case errors.Unauthenticated():
            said.headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        case errors.UpgradeRequired():
            said.headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    return said


def _parameters(fault: openapi31.BadParameter) -> dict[str, Any]:
    first = "; ".join(f"{one.name}: {one.message}" for one in fault.faults)
    details = "; ".join(f"{one.where} parameter {one.name}" for one in fault.faults)
    return {"code": "bad_request", "message": first, "details": details}


_WORDS: dict[type[Exception], Callable[[Any], dict[str, Any]]] = {
    openapi31.BadParameter: _parameters,
    openapi31.BadBody: lambda fault: {"code": "bad_request", "message": fault.message},
    openapi31.InvalidBody: lambda fault: {
        "code": "validation_error",
        "message": "Validation failed",
        "fields": fault.fields,
    },
    openapi31.NotFound: lambda _: {
        "code": "not_found",
        "message": "There is no such path",
        "details": "The document at /api/openapi.yaml lists all of them",
    },
    openapi31.MethodNotAllowed: lambda fault: {
        "code": "method_not_allowed",
        "message": "This path does not have that method",
        "details": f"It has {fault.allow}",
    },
    openapi31.Unauthenticated: lambda _: {
        "code": "unauthenticated",
        "message": "A valid API key or session is needed",
        "details": "Send the key as: Authorization: Bearer aap_…",
    },
    openapi31.UnsupportedMediaType: lambda fault: {
        "code": "unsupported_media_type",
        "message": f"{fault.given or 'A body without Content-Type'} is not read here",
        "details": f"Send {' or '.join(fault.accepted)}",
    },
    openapi31.TooLarge: lambda fault: {
        "code": "too_large",
        "message": "The body is too large",
        "details": f"At most {fault.limit} bytes are read",
    },
}
