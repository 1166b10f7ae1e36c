"""Build the application: Connexion's middlewares, ours where its own support only 3.0, and error handling."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.openapi31.answers import Answer, rendered
from handlers.openapi31.body import Limits
from handlers.openapi31.dispatch import Dispatch, ExecutorOf, Extra, Handler
from handlers.openapi31.document import Document, Specification
from handlers.openapi31.errors import DocumentError, Refused
from handlers.openapi31.responses import ResponseChecks, ResponseMiddleware
from handlers.openapi31.routing import Router, RoutingMiddleware
from handlers.openapi31.security import Authorize, SecurityFunction, SecurityMiddleware, security_map
from handlers.openapi31.skeleton import (
    API,
    ConnexionMiddleware,
    ConnexionRequest,
    ConnexionResponse,
    ExceptionMiddleware,
    LifespanMiddleware,
    ProblemException,
    Resolver,
    ServerErrorMiddleware,
)
from handlers.openapi31.validation import ValidationMiddleware

logger = logging.getLogger(__name__)

OnError = Callable[[Scope, Exception], Answer]
Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _nothing(_app: object) -> AsyncIterator[None]:
    yield


def _single_executor() -> ExecutorOf:
    executor = ThreadPoolExecutor(40, thread_name_prefix="handler")
    return lambda _operation: executor


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of an application, besides its document and handlers."""

    errors: OnError
    """Returns the answer to any exception. If it fails itself, the response is 500 without a body."""
    security: Mapping[str, SecurityFunction] = field(default_factory=dict)
    """By the name of the security scheme."""
    authorize: Authorize | None = None
    """Called for every request with its operation and caller; raises an exception to refuse it."""
    extras: Mapping[str, Extra] = field(default_factory=dict)
    """Further arguments that handlers can name, each computed from the ASGI scope."""
    base_path: str = "/api"
    executor: ExecutorOf = field(default_factory=_single_executor)
    """The thread pools of handlers that are not `async`: those that may wait long need their own."""
    limits: Limits = field(default_factory=Limits)
    validate_responses: bool = False
    lifespan: Lifespan = _nothing


@dataclass(frozen=True)
class Application:
    """The ASGI application. Middleware outside of it can find a request's operation by `router.find(scope)`."""

    document: Document
    router: Router
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def build(document: Document, handlers: Mapping[str, Handler], options: Options) -> Application:
    """Compile the application. Raise DocumentError if document, handlers and security functions do not fit together."""
    names = {operation.operation_id for operation in document.operations()}
    if names != set(handlers):
        missing, idle = sorted(names - set(handlers)), sorted(set(handlers) - names)
        raise DocumentError(f"operations without a handler: {missing}; handlers without an operation: {idle}")
    router = Router(document.operations(), options.base_path)
    connexion = ConnexionMiddleware(
        Dispatch(options.extras, options.executor),
        middlewares=_middlewares(document, router, options),
        lifespan=options.lifespan,
        resolver=Resolver(handlers.__getitem__),
        security_map=security_map(document.security_schemes, options.security),
    )
    for kind in (ProblemException, HTTPException, Exception):
        connexion.add_error_handler(kind, _answering(options.errors))
    # add_api would read the document as OpenAPI 3.0, and the stack would be built at the first request only.
    connexion.apis.append(
        API(Specification(document), base_path=options.base_path, name=None, **vars(connexion.options))
    )
    connexion.app, connexion.middleware_stack = connexion._build_middleware_stack()
    return Application(document, router, connexion)


def _middlewares(document: Document, router: Router, options: Options) -> list[Callable[..., ASGIApp]]:
    checks = [partial(ResponseMiddleware, checks=ResponseChecks(document))] if options.validate_responses else []
    return [
        partial(ServerErrorMiddleware, handler=_answering(options.errors)),
        ExceptionMiddleware,
        partial(RoutingMiddleware, router=router),
        partial(SecurityMiddleware, authorize=options.authorize),
        partial(ValidationMiddleware, limits=options.limits),
        *checks,
        LifespanMiddleware,
    ]


def _answering(errors: OnError) -> Callable[[ConnexionRequest, Exception], Awaitable[ConnexionResponse]]:
    """Return an error handler in Connexion's form; it is async, since Connexion runs others in the thread pool."""

    async def answering(request: ConnexionRequest, exception: Exception) -> ConnexionResponse:
        try:
            answer = errors(request.scope, exception)
            body, raw = rendered(answer)
        except Exception:
            logger.exception("answering an error failed")
            return ConnexionResponse(500, body=b"")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
        if isinstance(exception, Refused):
            headers = {**{name.lower(): value for name, value in exception.headers.items()}, **headers}
        body = b"" if request.scope["method"] == "HEAD" else body
        return ConnexionResponse(answer.status, body=body, headers=headers)

    return answering
