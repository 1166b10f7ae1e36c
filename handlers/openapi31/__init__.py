"""What Connexion 3.3 lacks for OpenAPI 3.1, and nothing of the product: to be deleted when Connexion has it.

    document = Document.load(text)                      # operations(), operation(id), each with its `raw` text
    app = build(document, {"list_pets": list_pets}, Options(errors=on_error, security={"bearerAuth": identify}))

`app` is an ASGI application. A handler is a function, async or not, that names the arguments it wants (parameters in
snake_case, `body`, `caller`, and the `extras` of the options) and returns an `Answer`. Everything that is refused
before it is a `Refused`, and every exception becomes an answer in `errors(scope, exception)`.
Whoever stands before the application may ask `app.router.find(scope)` for the operation, and may put the caller that
it identified into `scope[CALLER]`; security functions `async (scope, required_scopes) -> caller | None` may read it.
`ResponseChecks(document).check(operation, status, headers, body)` holds a response to the document.
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
from handlers.openapi31.routing import Match, Router
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
