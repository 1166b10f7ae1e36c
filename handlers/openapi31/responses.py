"""Compare responses with the document: status, media type, schema, headers."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from jsonschema_rs import Validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handlers.openapi31.body import is_json
from handlers.openapi31.document import Document
from handlers.openapi31.errors import BadResponse
from handlers.openapi31.messages import Messages
from handlers.openapi31.operations import Header, Operation, Response
from handlers.openapi31.parameters import Convert, scalar
from handlers.openapi31.routing import MATCH
from handlers.openapi31.schemas import Schemas


class _Plan:
    """The compiled checks of one status of one operation."""

    def __init__(self, response: Response, schemas: Schemas) -> None:
        self.required = [name for name, header in response.headers.items() if header.required]
        self.headers = {name: _header(header, schemas) for name, header in response.headers.items() if header.schema}
        self.content = {
            name: schemas.validator(pointer, response=True) if pointer and is_json(name) else None
            for name, pointer in response.content.items()
        }


def _header(header: Header, schemas: Schemas) -> tuple[Convert, Validator]:
    pointer = str(header.schema)
    return scalar(schemas.types(pointer)), schemas.validator(pointer)


class ResponseChecks:
    """The compiled checks of all responses of a document."""

    def __init__(self, document: Document) -> None:
        self._messages = Messages(document.schemas)
        self._plans = {
            operation: {status: _Plan(response, document.schemas) for status, response in operation.responses.items()}
            for operation in document.operations()
        }

    def check(self, operation: Operation, status: int, headers: Mapping[str, str], body: bytes | None) -> list[str]:
        """Return the differences as sentences; the content is not checked if body is None (HEAD, a stream)."""
        plans = self._plans[operation]
        plan = plans.get(str(status)) or plans.get(f"{status // 100}XX") or plans.get("default")
        if plan is None:
            return [f"{operation.operation_id}: status {status} is not documented"]
        lower = {name.lower(): value for name, value in headers.items()}
        problems = [*self._of_headers(plan, lower), *self._of_content(plan, lower, body)]
        return [f"{operation.operation_id} {status}: {problem}" for problem in problems]

    def _of_headers(self, plan: _Plan, headers: Mapping[str, str]) -> Iterator[str]:
        yield from (f"header {name} is missing" for name in plan.required if name not in headers)
        for name, (convert, validator) in plan.headers.items():
            if name in headers:
                for message in self._messages.fields(validator.iter_errors(convert(headers[name]))).values():
                    yield f"header {name} {message}"

    def _of_content(self, plan: _Plan, headers: Mapping[str, str], body: bytes | None) -> Iterator[str]:
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if not plan.content:
            if body:
                yield "a body is not documented"
            return
        if media_type not in plan.content:
            yield f"media type {media_type or 'none'} is not documented"
        elif validator := plan.content[media_type]:
            yield from self._of_json(validator, body) if body is not None else ()

    def _of_json(self, validator: Validator, body: bytes) -> Iterator[str]:
        try:
            value: Any = orjson.loads(body)
        except orjson.JSONDecodeError:
            yield "the body is not JSON"
            return
        if not validator.is_valid(value):
            for field, message in self._messages.fields(validator.iter_errors(value)).items():
                yield f"{field} {message}"


class ResponseMiddleware:
    """Raises BadResponse for JSON that the document does not declare, before it is sent; else checks headers only."""

    def __init__(self, app: ASGIApp, checks: ResponseChecks) -> None:
        self.app = app
        self._checks = checks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold the start of a JSON response back until its body is complete."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, _CheckedSend(self._checks, scope, send).send)


class _CheckedSend:
    def __init__(self, checks: ResponseChecks, scope: Scope, send: Send) -> None:
        self._checks, self._scope, self._send = checks, scope, send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            if is_json(self._headers.get("content-type", "").partition(";")[0]) and self._scope["method"] != "HEAD":
                self._start = message
                return
            self._check(message, None)
        if self._start is not None:
            self._body += message["body"]
            if message.get("more_body"):
                return
            self._check(self._start, self._body)
            await self._send(self._start)
            message = {"type": "http.response.body", "body": self._body}
        await self._send(message)

    def _check(self, start: Message, body: bytes | None) -> None:
        operation = self._scope[MATCH].operation
        if problems := self._checks.check(operation, start["status"], self._headers, body):
            raise BadResponse(problems)
