"""Refused requests as exceptions. They carry data only; the application's error function writes the messages."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple


class DocumentError(Exception):
    """The document and its handlers do not fit together. Raised while the application is built."""


class Refused(Exception):  # noqa: N818 - it leads to a regular response
    """A request that is refused before its handler is called; `headers` are added to the response."""

    status: ClassVar[int] = 400
    headers: Mapping[str, str] = {}


class NotFound(Refused):
    """No path of the document matches."""

    status = 404


class MethodNotAllowed(Refused):
    """The path exists, but not this method; `allow` lists the path's methods."""

    status = 405

    def __init__(self, allow: str) -> None:
        super().__init__(allow)
        self.allow = allow
        self.headers = {"Allow": allow}


class Unauthenticated(Refused):
    """The operation requires credentials, and they are missing or wrong."""

    status = 401

    def __init__(self, challenge: str) -> None:
        super().__init__(challenge)
        self.headers = {"WWW-Authenticate": challenge}


class Fault(NamedTuple):
    """What is wrong with one parameter; `where` is path, query, header or cookie."""

    where: str
    name: str
    message: str


class BadParameter(Refused):
    """All parameters that are missing, unknown, repeated or invalid by their schema."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.faults = tuple(faults)


class BadBody(Refused):
    """A body that is missing or cannot be parsed."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidBody(Refused):
    """A body that is invalid by its schema: one message per field, by dotted path (`body` for the whole body)."""

    status = 422

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(fields)
        self.fields = dict(fields)


class UnsupportedMediaType(Refused):
    """The operation does not accept the body's media type."""

    status = 415

    def __init__(self, given: str, accepted: Sequence[str]) -> None:
        super().__init__(given)
        self.given = given
        self.accepted = tuple(accepted)


class TooLarge(Refused):
    """The body is longer than `limit` bytes; the rest is not read."""

    status = 413
    headers = {"Connection": "close"}  # noqa: RUF012 - the mapping is never written to

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class BadResponse(Refused):
    """A handler returned a response that the document does not declare."""

    status = 500

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
