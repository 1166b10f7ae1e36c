"""Compiled request handling for OpenAPI 3.1, inside Connexion's application; independent of the product.

Connexion 3.3 supports OpenAPI 3.0. It provides the application, its middleware stack and security requirements. This
package provides what handles each request: routing, validation, security checks, dispatch and responses, each compiled
once from the document. It is a permanent part of the panel.

    document = Document.load(text)                      # operations(), operation(id), each with its `raw` text
    app = build(document, {"list_pets": list_pets}, Options(errors=on_error, security={"bearerAuth": identify}))

`app` is an ASGI application. A handler is a function, async or not, that names its arguments (parameters in snake_case,
`body`, `caller`, and the `extras` of the options) and returns an `Answer`. A request that is refused before its handler
raises a `Refused`; `errors(scope, exception)` turns every exception into an answer.
Middleware outside of the application can call `app.router.find(scope)` for the operation, and can put the caller into
`scope[CALLER]`, where security functions `async (scope, required_scopes) -> caller | None` can read it.
`ResponseChecks(document).check(operation, status, headers, body)` compares a response with the document.
"""

from handlers.openapi31.answers import Answer, send_answer
from handlers.openapi31.body import Limits
from handlers.openapi31.document import Document
from handlers.openapi31.errors import (
    BadBody,
    BadParameter,
    BadResponse,
    DocumentError,
    Fault,
    InvalidBody,
    MethodNotAllowed,
    NotFound,
    Refused,
    TooLarge,
    Unauthenticated,
    UnsupportedMediaType,
)
from handlers.openapi31.operations import Operation, Parameter
from handlers.openapi31.responses import ResponseChecks
from handlers.openapi31.routing import Found, Match, Router
from handlers.openapi31.security import CALLER
from handlers.openapi31.stack import Application, Options, build

__all__ = [
    "CALLER",
    "Answer",
    "Application",
    "BadBody",
    "BadParameter",
    "BadResponse",
    "Document",
    "DocumentError",
    "Fault",
    "Found",
    "InvalidBody",
    "Limits",
    "Match",
    "MethodNotAllowed",
    "NotFound",
    "Operation",
    "Options",
    "Parameter",
    "Refused",
    "ResponseChecks",
    "Router",
    "TooLarge",
    "Unauthenticated",
    "UnsupportedMediaType",
    "build",
    "send_answer",
]
