"""Validate a request before its handler is called: first parameters, then the body. The scope holds the values."""

from collections.abc import Iterator

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.openapi31.body import BodyPlan, Limits
from handlers.openapi31.document import Document
from handlers.openapi31.operations import Operation
from handlers.openapi31.parameters import ParameterPlan
from handlers.openapi31.routing import MATCH
from handlers.openapi31.skeleton import AbstractOperation, RoutedAPI, RoutedMiddleware

ARGUMENTS = "openapi31.arguments"


class _Validation:
    """The validation of one operation."""

    def __init__(self, app: ASGIApp, document: Document, operation: Operation, limits: Limits) -> None:
        self._app = app
        self._parameters = ParameterPlan(operation, document.schemas, _security_in_query(document, operation))
        self._body = BodyPlan(operation.body, document.schemas, limits) if operation.body else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        values = self._parameters.read(scope, scope[MATCH].path_values)
        if self._body:
            try:
                values["body"] = await self._body.read(scope, receive)
            except ClientDisconnect:
                return
        scope[ARGUMENTS] = values
        await self._app(scope, receive, send)


def _security_in_query(document: Document, operation: Operation) -> Iterator[str]:
    for requirement in operation.security:
        for name in requirement:
            if document.security_schemes[name].get("in") == "query":
                yield document.security_schemes[name]["name"]


class _API(RoutedAPI):  # type: ignore[misc]  # Connexion has no types
    def __init__(self, *args: object, limits: Limits, **options: object) -> None:
        super().__init__(*args, **options)
        self._limits = limits
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> _Validation:
        document = self.specification.document
        return _Validation(self.next_app, document, document.operation(operation.operation_id), self._limits)


class ValidationMiddleware(RoutedMiddleware):  # type: ignore[misc]  # Connexion has no types
    """Refuses requests that are invalid by the document."""

    api_cls = _API

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(app)
        self._limits = limits

    def add_api(self, specification: object, **options: object) -> None:
        """Pass the limits on."""
        super().add_api(specification, limits=self._limits, **options)
