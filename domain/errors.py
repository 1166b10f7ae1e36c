"""Refusals: the few ways in which a rule says no, and the closed catalogue of codes they carry."""

from collections.abc import Mapping


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a malfunction
    """A rule said no. `code` stands in the catalogue; `details` may name ids, never secrets."""

    default = "internal_error"

    def __init__(self, message: str, *, code: str | None = None, details: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default
        self.details = details


class BadRequest(Refusal):
    """A parameter or header cannot be used as it stands."""

    default = "bad_request"


class Unauthenticated(Refusal):
    """Nobody known is calling."""

    default = "unauthenticated"


class Forbidden(Refusal):
    """The caller is known and may not."""

    default = "forbidden"


class NotFound(Refusal):
    """It does not exist, or not for this caller."""

    default = "not_found"


class Conflict(Refusal):
    """It exists already, or its state does not allow this."""

    default = "conflict"


class Gone(Refusal):
    """It was there and is not kept any more."""

    default = "cursor_too_old"


class Stale(Refusal):
    """If-Match names a revision that is no longer the current one."""

    default = "stale"


class Invalid(Refusal):
    """A body breaks rules: one message for each field, by dotted path."""

    default = "validation_error"

    def __init__(self, fields: Mapping[str, str], *, code: str | None = None) -> None:
        super().__init__("Validation failed", code=code)
        self.fields = dict(fields)


class UpgradeRequired(Refusal):
    """What is asked for speaks another protocol."""

    default = "upgrade_required"


class TooMany(Refusal):
    """The caller's budget for this minute is spent; `retry_after` is in seconds."""

    default = "rate_limited"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(Refusal):
    """A part that the panel leans on (engine, database) does not answer now."""

    default = "unavailable"
