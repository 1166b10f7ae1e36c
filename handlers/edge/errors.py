"""Exceptions as answers of the HTTP application: refusals, and what its request handling raises."""

from collections.abc import Callable
from typing import Any

from starlette.types import Scope

from handlers import openapi31
from handlers.edge import refusals, request_id
from handlers.openapi31 import Answer

ERROR_CODE = "panel.error_code"
"""Where the code of an error stands in the ASGI scope of a request."""


def answer(scope: Scope, fault: Exception) -> Answer:
    """Return the answer to any exception. An unexpected one is logged with its trace and answered without detail."""
    given: str = scope.get(request_id.SCOPE_KEY, "")
    describe = _DESCRIPTIONS.get(type(fault))
    if describe is not None:
        return Answer(type(fault).status, refusals.envelope(request_id=given, **describe(fault)))  # type: ignore[attr-defined]
    response = refusals.error_response(fault, given)
    scope[ERROR_CODE] = response.body["error"]["code"]
    return Answer(response.status, response.body, response.headers)


def _parameters(fault: openapi31.BadParameter) -> dict[str, Any]:
    message = "; ".join(f"{problem.name}: {problem.message}" for problem in fault.faults)
    details = "; ".join(f"{problem.where} parameter {problem.name}" for problem in fault.faults)
    return {"code": "bad_request", "message": message, "details": details}


_DESCRIPTIONS: dict[type[Exception], Callable[[Any], dict[str, Any]]] = {
    openapi31.BadParameter: _parameters,
    openapi31.BadBody: lambda fault: {"code": "bad_request", "message": fault.message},
    openapi31.InvalidBody: lambda fault: {
        "code": "validation_error",
        "message": "Validation failed",
        "fields": fault.fields,
    },
    openapi31.NotFound: lambda _: {
        "code": "not_found",
        "message": "Path not found",
        "details": "See /api/openapi.yaml for all paths",
    },
    openapi31.MethodNotAllowed: lambda fault: {
        "code": "method_not_allowed",
        "message": "Method not allowed",
        "details": f"Allowed: {fault.allow}",
    },
    openapi31.Unauthenticated: lambda _: {
        "code": "unauthenticated",
        "message": "A valid API key or session is needed",
        "details": "Send the key as: Authorization: Bearer aap_…",
    },
    openapi31.UnsupportedMediaType: lambda fault: {
        "code": "unsupported_media_type",
        "message": f"{fault.given or 'A body without Content-Type'} is not supported",
        "details": f"Send {' or '.join(fault.accepted)}",
    },
    openapi31.TooLarge: lambda fault: {
        "code": "too_large",
        "message": "The body is too large",
        "details": f"The limit is {fault.limit} bytes",
    },
}
