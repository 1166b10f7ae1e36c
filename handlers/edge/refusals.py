"""Refusals as responses: the one table from their kinds to status codes, and the one shape of an error."""

import logging
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from domain import errors

_log = logging.getLogger(__name__)


class Close(IntEnum):
    """The panel's close codes of WebSocket connections, besides those of RFC 6455.

    The last three digits are those of the matching HTTP status.
    """

    CREDENTIALS_ENDED = 4401
    TOO_SLOW = 4408
    TOO_MANY_COMMANDS = 4429


class Codes(NamedTuple):
    """The HTTP status of a refusal; and the code that closes an open WebSocket connection, if it does."""

    status: int
    close: Close | None = None


CODES: dict[type[errors.Refusal], Codes] = {
    errors.BadRequest: Codes(400),
    errors.Unauthenticated: Codes(401, Close.CREDENTIALS_ENDED),
    errors.InvalidToken: Codes(400),
    errors.Forbidden: Codes(403),
    errors.NotFound: Codes(404),
    errors.Conflict: Codes(409),
    errors.QuotaExceeded: Codes(409),
    errors.Gone: Codes(410),
    errors.Stale: Codes(412),
    errors.Invalid: Codes(422),
    errors.UpgradeRequired: Codes(426),
    errors.TooMany: Codes(429, Close.TOO_MANY_COMMANDS),
    errors.Unavailable: Codes(503),
}
_INVALID_TOKEN, _NO_TOKEN = 'Bearer error="invalid_token"', "Bearer"  # RFC 6750, section 3


@dataclass(frozen=True)
class ErrorResponse:
    """A response in the shape that every error has, for whichever server sends it."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def envelope(
    code: str, message: str, request_id: str, *, details: str | None = None, fields: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the body of an error; `fields` are its messages by field, in the place of `details`."""
    explanation: dict[str, Any] = {"details": details} if fields is None else {"fields": fields}
    return {"error": {"code": code, "message": message, **explanation, "request_id": request_id}}


def error_response(fault: Exception, request_id: str, *, credential_sent: bool = True) -> ErrorResponse:
    """Return the response to an exception. One that is not a refusal is logged and answered without detail.

    `credential_sent` says whether the request carried a credential at all.
    """
    if not isinstance(fault, errors.Refusal):
        _log.error("unforeseen", exc_info=fault, extra={"request_id": request_id})
        details = f"Search the panel's log for {request_id}"
        return ErrorResponse(500, envelope("internal_error", "Internal error", request_id, details=details))
    fields = fault.fields if isinstance(fault, errors.Invalid) else None
    body = envelope(fault.code, fault.message, request_id, details=fault.details, fields=fields)
    if isinstance(fault, errors.QuotaExceeded):
        body["error"]["excess"] = fault.excess
    return ErrorResponse(CODES[type(fault)].status, body, _headers(fault, credential_sent=credential_sent))


def _headers(refusal: errors.Refusal, *, credential_sent: bool) -> dict[str, str]:
    match refusal:
        case errors.TooMany():
            return {"Retry-After": str(refusal.retry_after)}
        case errors.Unauthenticated():
            return {"WWW-Authenticate": _INVALID_TOKEN if credential_sent else _NO_TOKEN}
        case errors.UpgradeRequired():
            return {"Upgrade": "websocket", "Connection": "Upgrade"}
    return {}
