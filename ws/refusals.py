"""Error responses of handshakes that do not become WebSocket connections."""

from http import HTTPStatus

import orjson
from websockets.datastructures import Headers
from websockets.http11 import Response

from handlers.edge.refusals import ErrorResponse


def response(error: ErrorResponse) -> Response:
    """Return the response of the websockets library; the connection closes after it."""
    body, status = orjson.dumps(error.body), HTTPStatus(error.status)
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body))})
    for name, value in {**error.headers, "Connection": "close"}.items():
        headers[name] = value
    return Response(status.value, status.phrase, headers, body)
