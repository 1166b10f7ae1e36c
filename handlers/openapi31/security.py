"""Identify the caller: the document's security requirements, with a function for each security scheme."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.openapi31.document import SCHEME_NAME
from handlers.openapi31.errors import DocumentError, Unauthenticated
from handlers.openapi31.operations import Operation
from handlers.openapi31.references import Node
from handlers.openapi31.skeleton import (
    AbstractOperation,
    AbstractSecurityHandler,
    RoutedAPI,
    RoutedMiddleware,
    SecurityHandlerFactory,
    SecurityOperation,
)

CALLER = "openapi31.caller"

Caller = Any
SecurityFunction = Callable[[Scope, tuple[str, ...]], Awaitable[Caller]]
"""Takes the ASGI scope and the required scopes; returns the caller, or None if the credentials are wrong."""
Authorize = Callable[[Operation, Caller], None]


class Check:
    """One security scheme: finds its credentials and their caller."""

    def __init__(self, scheme: Mapping[str, Node], function: SecurityFunction, scopes: tuple[str, ...]) -> None:
        self._function, self._scopes = function, scopes
        self._kind = _kind(scheme)
        self._name: str = scheme.get("name", "")
        self.ambient = self._kind == "cookie"
        self.challenge = f'ApiKey name="{self._name}"' if self._name else self._kind.capitalize()

    def present(self, scope: Scope) -> bool:
        """Return whether the request has credentials of this scheme, valid or not."""
        if self._kind == "query":
            return any(name == self._name for name, _ in parse_qsl(scope["query_string"].decode("latin-1"), True))
        return any(self._carries(name, value) for name, value in scope["headers"])

    def _carries(self, header: bytes, value: bytes) -> bool:
        if self._kind == "header":
            return header == self._name.lower().encode("latin-1")
        if self._kind == "cookie":
            return header == b"cookie" and any(
                part.strip().startswith(f"{self._name}=") for part in value.decode("latin-1").split(";")
            )
        return header == b"authorization" and value.decode("latin-1").lower().split()[:1] == [self._kind]

    async def caller(self, scope: Scope) -> Caller:
        """Return the caller, None if the credentials are wrong."""
        return await self._function(scope, self._scopes)


def _kind(scheme: Mapping[str, Node]) -> str:
    """Return where credentials are: header, query or cookie for a key, else the scheme of Authorization."""
    match scheme["type"]:
        case "apiKey":
            return str(scheme["in"])
        case "http":
            return str(scheme["scheme"]).lower()
        case "oauth2" | "openIdConnect":
            return "bearer"
    raise DocumentError(f"security scheme {scheme[SCHEME_NAME]} is of a type that cannot be served: {scheme['type']}")


class Together:
    """Schemes that are required together; the first one identifies the caller."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = checks
        self.ambient = any(check.ambient for check in checks)
        self.challenge = ", ".join(check.challenge for check in checks)

    def present(self, scope: Scope) -> bool:
        """Return whether the request has the credentials of all schemes."""
        return all(check.present(scope) for check in self._checks)

    async def caller(self, scope: Scope) -> Caller:
        """Return the caller of the first scheme, None if any credentials are wrong."""
        callers = [await check.caller(scope) for check in self._checks]
        return None if None in callers else callers[0]


class Verification:
    """Alternative schemes. The first with credentials decides; cookies, which a browser adds by itself, come last.

    Where credentials are optional, a request with a wrong cookie is anonymous.
    """

    def __init__(self, alternatives: Sequence[Check | Together], anonymous: bool) -> None:
        self._alternatives = sorted(alternatives, key=lambda alternative: alternative.ambient)
        self._anonymous = anonymous
        # The challenge names cookies only if there is no other scheme.
        challengers = [
            alternative for alternative in self._alternatives if not alternative.ambient
        ] or self._alternatives
        self._challenge = ", ".join(dict.fromkeys(alternative.challenge for alternative in challengers))

    async def __call__(self, scope: Scope) -> Caller:
        """Return the caller. Raise Unauthenticated if credentials are wrong, or required and missing."""
        for alternative in self._alternatives:
            if alternative.present(scope):
                caller = await alternative.caller(scope)
                if caller is None and alternative.ambient and self._anonymous:
                    break
                if caller is None:
                    wrong = alternative.challenge.replace("Bearer", 'Bearer error="invalid_token"')
                    raise Unauthenticated(self._challenge if alternative.ambient else wrong)
                return caller
        if not self._anonymous:
            raise Unauthenticated(self._challenge)
        return scope.get(CALLER)


class _Handler(AbstractSecurityHandler):  # type: ignore[misc]  # Connexion has no types
    """Connexion's way from a scheme to a check. Its own handlers find functions by a path in the document."""

    def __init__(self, functions: Mapping[str, SecurityFunction]) -> None:
        self._functions = functions

    def get_fn(self, security_scheme: Mapping[str, Node], required_scopes: Sequence[str]) -> Check:
        """Return the check with its scopes, which Connexion's own bearer handler drops."""
        return Check(security_scheme, self._functions[security_scheme[SCHEME_NAME]], tuple(required_scopes))


def security_map(
    schemes: Mapping[str, Node], functions: Mapping[str, SecurityFunction]
) -> dict[str, Callable[[], AbstractSecurityHandler]]:
    """Return a handler for each kind of scheme of the document, as Connexion's factory expects."""
    if missing := sorted(set(schemes) - set(functions)):
        raise DocumentError(f"security schemes without a function: {', '.join(missing)}")
    kinds = {scheme["scheme"].lower() if scheme["type"] == "http" else scheme["type"] for scheme in schemes.values()}
    return {kind: partial(_Handler, functions) for kind in kinds}


class _Factory(SecurityHandlerFactory):  # type: ignore[misc]  # Connexion has no types
    """Connexion's factory with strict alternatives: its own tries the next scheme after wrong credentials."""

    def verify_multiple_schemes(self, schemes: Mapping[str, Check]) -> Together:
        return Together(tuple(schemes.values()))

    @classmethod
    def verify_security(cls, auth_funcs: Sequence[object]) -> Verification:
        named = [check for check in auth_funcs if isinstance(check, Check | Together)]
        return Verification(named, anonymous=len(named) < len(auth_funcs))


class _Guard(SecurityOperation):  # type: ignore[misc]  # Connexion has no types
    """The security of one operation."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope[CALLER] = await self.verification_fn(scope) if self.security else scope.get(CALLER)
        if self.authorize:
            self.authorize(self.operation, caller)
        await self.next_app(scope, receive, send)


class _API(RoutedAPI):  # type: ignore[misc]  # Connexion has no types
    def __init__(self, *args: object, security_map: object, authorize: Authorize | None, **options: object) -> None:
        super().__init__(*args, **options)
        self._factory = _Factory(security_map)
        self._authorize = authorize
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> _Guard:
        guard = _Guard(
            self.next_app,
            security_handler_factory=self._factory,
            security=operation.security,
            security_schemes=operation.security_schemes,
        )
        guard.operation = self.specification.document.operation(operation.operation_id)
        guard.authorize = self._authorize
        return guard


class SecurityMiddleware(RoutedMiddleware):  # type: ignore[misc]  # Connexion has no types
    """Puts the caller into the scope, or refuses the request."""

    api_cls = _API

    def __init__(self, app: ASGIApp, authorize: Authorize | None) -> None:
        super().__init__(app)
        self._authorize = authorize

    def add_api(self, specification: object, **options: object) -> None:
        """Pass the authorization on."""
        super().add_api(specification, authorize=self._authorize, **options)
