"""The names that this package uses of Connexion. They are imported only here, since importing Connexion warns."""

import warnings

with warnings.catch_warnings():
    # Connexion imports Starlette's test client and jsonschema's old resolver, which warn. Neither is used here.
    warnings.simplefilter("ignore")
    from connexion.exceptions import ProblemException  # type: ignore[import-untyped]
    from connexion.lifecycle import ConnexionRequest, ConnexionResponse  # type: ignore[import-untyped]
    from connexion.middleware.abstract import ROUTING_CONTEXT, RoutedAPI, RoutedMiddleware, SpecMiddleware  # type: ignore[import-untyped]
    from connexion.middleware.exceptions import ExceptionMiddleware  # type: ignore[import-untyped]
    from connexion.middleware.lifespan import LifespanMiddleware  # type: ignore[import-untyped]
    from connexion.middleware.main import API, ConnexionMiddleware  # type: ignore[import-untyped]
    from connexion.middleware.security import SecurityOperation  # type: ignore[import-untyped]
    from connexion.middleware.server_error import ServerErrorMiddleware  # type: ignore[import-untyped]
    from connexion.operations import AbstractOperation  # type: ignore[import-untyped]
    from connexion.resolver import Resolver  # type: ignore[import-untyped]
    from connexion.security import AbstractSecurityHandler, SecurityHandlerFactory  # type: ignore[import-untyped]
    from connexion.spec import OpenAPISpecification  # type: ignore[import-untyped]

__all__ = [
    "API",
    "ROUTING_CONTEXT",
    "AbstractOperation",
    "AbstractSecurityHandler",
    "ConnexionMiddleware",
    "ConnexionRequest",
    "ConnexionResponse",
    "ExceptionMiddleware",
    "LifespanMiddleware",
    "OpenAPISpecification",
    "ProblemException",
    "Resolver",
    "RoutedAPI",
    "RoutedMiddleware",
    "SecurityHandlerFactory",
    "SecurityOperation",
    "ServerErrorMiddleware",
    "SpecMiddleware",
]
