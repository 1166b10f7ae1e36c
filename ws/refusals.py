"""What a handshake answers that does not become a socket: the status, and the shape that every error has."""

import logging
from http import HTTPStatus

import orjson
from websockets.datastructures import Headers
from websockets.http11 import Response

from domain import errors

_log = logging.getLogger(__name__)

STATUS: dict[type[errors.Refusal], HTTPStatus] = {
    errors.BadRequest: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Gone: HTTPStatus.GONE,
    errors.UpgradeRequired: HTTPStatus.UPGRADE_REQUIRED,
    errors.TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


def response(fault: Exception, request_id: str) -> Response:
    """What to say to any exception; what nobody foresaw is logged and said without detail."""
    words: dict[str, str | None]
    if not isinstance(fault, errors.Refusal):
        _log.error("unforeseen", exc_info=fault, extra={"request_id": request_id})
        words = {
            "code": "internal_error",
            "message": "Something went wrong",
            "details": f"The log has it: {request_id}",
        }
        return _rendered(HTTPStatus.INTERNAL_SERVER_ERROR, words, request_id)
    words = {"code": fault.code, "message": fault.message, "details": fault.details}
    answer = _rendered(STATUS[type(fault)], words, request_id)
    for name, value in _besides(fault).items():
        answer.headers[name] = value
    return answer


def _besides(refusal: errors.Refusal) -> dict[str, str]:
    if isinstance(refusal, errors.TooMany):
        return {"Retry-After": str(refusal.retry_after)}
    if isinstance(refusal, errors.Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    return {"Upgrade": "websocket"} if isinstance(refusal, errors.UpgradeRequired) else {}


def _rendered(status: HTTPStatus, words: dict[str, str | None], request_id: str) -> Response:
    body = orjson.dumps({"error": words | {"request_id": request_id}})
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
    return Response(status.value, status.phrase, headers, body)
