"""What this package refuses, as exceptions that carry data only: whoever renders them chooses the words."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple


class DocumentError(Exception):
    """The document, or a handler bound to it, cannot be served as it stands; raised while the application is built."""


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a malfunction
    """A request stopped before its handler; `headers` are added to whatever answer is made of it."""

    status: ClassVar[int] = 400
    headers: Mapping[str, str] = {}


class NotFound(Refused):
    """No path of the document matches."""

    status = 404


class MethodNotAllowed(Refused):
    """The path exists, the method does not; `allow` is every method that does."""

    status = 405

    def __init__(self, allow: str) -> None:
        super().__init__(allow)
        self.allow = allow
        self.headers = {"Allow": allow}


class Unauthenticated(Refused):
    """The operation wants credentials, and got none or wrong ones."""

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
    """Parameters that are missing, unknown, repeated or against their schema: all of them at once."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.faults = tuple(faults)


class BadBody(Refused):
    """A body that cannot be read at all, or is missing."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidBody(Refused):
    """A body that was read and breaks its schema: one message a field, by dotted path (`body` for the whole)."""

    status = 422

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(fields)
        self.fields = dict(fields)


class UnsupportedMediaType(Refused):
    """The body is of a kind that the operation does not take."""

    status = 415

    def __init__(self, given: str, accepted: Sequence[str]) -> None:
        super().__init__(given)
        self.given = given
        self.accepted = tuple(accepted)


class TooLarge(Refused):
    """The body is longer than `limit` bytes; the rest of it is not waited for."""

    status = 413
    headers = {"Connection": "close"}  # noqa: RUF012 - the mapping is never written to

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class BadResponse(Refused):
    """A handler answered what the document does not promise."""

    status = 500

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
