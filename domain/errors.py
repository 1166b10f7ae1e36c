"""Refusals: the ways in which a rule refuses a request. Each has a code of the document's closed list."""

from collections.abc import Mapping


class Refusal(Exception):  # noqa: N818 - a refusal is a result for the caller, not a malfunction
    """A rule refuses a request.

    `message` is one sentence for people, `code` is for programs. `details` names the IDs or values concerned and the
    next step. None of them contains a secret.
    """

    default = "internal_error"

    def __init__(self, message: str, *, code: str | None = None, details: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default
        self.details = details


class BadRequest(Refusal):
    """A parameter or header has a value that cannot be used."""

    default = "bad_request"


class Unauthenticated(Refusal):
    """The request has no valid credential."""

    default = "unauthenticated"


class InvalidToken(Refusal):
    """A token or code was not issued by the identity provider for this panel, or is not valid any more."""

    default = "invalid_token"


class Forbidden(Refusal):
    """The caller lacks the permission."""

    default = "forbidden"


class NotFound(Refusal):
    """The resource does not exist, or belongs to another tenant."""

    default = "not_found"


class Conflict(Refusal):
    """The resource exists already, or its state does not allow the request."""

    default = "conflict"


class QuotaExceeded(Conflict):
    """A tenant asks for more than its plan allows. `quota` names the field of the plan."""

    default = "quota_exceeded"

    def __init__(self, message: str, *, quota: str, limit: float, used: float, asked: float) -> None:
        super().__init__(message, details="Stop or shrink services, or ask for a larger plan")
        self.excess = {"quota": quota, "limit": limit, "used": used, "asked": asked}


class Gone(Refusal):
    """The data is older than what is kept."""

    default = "cursor_too_old"


class Stale(Refusal):
    """If-Match names a revision that is not the current one."""

    default = "stale"


class Invalid(Refusal):
    """Fields of a body break rules. `fields` has one message for each, by dotted path."""

    default = "validation_error"

    def __init__(self, fields: Mapping[str, str], *, code: str | None = None) -> None:
        super().__init__("Validation failed", code=code)
        self.fields = dict(fields)


class UpgradeRequired(Refusal):
    """The resource needs another protocol, such as WebSocket."""

    default = "upgrade_required"


class TooMany(Refusal):
    """The caller's requests exceed the rate limit; `retry_after` is in seconds."""

    default = "rate_limited"

    def __init__(self, message: str, *, retry_after: int, details: str | None = None) -> None:
        super().__init__(message, details=details)
        self.retry_after = retry_after


class Unavailable(Refusal):
    """A part that the panel depends on, such as the engine or the database, does not answer."""

    default = "unavailable"
