"""How the fields of a dataclass become columns, in such a way that both databases hold and sort them alike."""

from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_type_hints

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Dialect, Double, String, Text, TypeDecorator
from sqlalchemy.types import TypeEngine


def storable(text: str) -> str:
    """The text as both databases can hold it: NUL and lone surrogates are replaced."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


class Words(TypeDecorator[str]):
    """Text, compared byte by byte."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(collation="C" if dialect.name == "postgresql" else None))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else storable(value)


class Choice(TypeDecorator[StrEnum]):
    """A member of an enum, as its short word."""

    impl = String
    cache_ok = True

    def __init__(self, choices: type[StrEnum]) -> None:
        super().__init__(20)
        self.choices = choices

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else str(self.choices(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        return None if value is None else self.choices(value)


class Moment(TypeDecorator[datetime]):
    """A time in UTC, cut to milliseconds."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        at = _utc(value).replace(microsecond=value.microsecond // 1000 * 1000)
        return at if dialect.name == "postgresql" else at.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else _utc(value)


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:  # within a day of year 1 or 9999, where an hour more or less finds nothing else
        return value.replace(tzinfo=UTC)


class Nested(TypeDecorator[object]):
    """Anything that msgspec can write as JSON and read back as the given Python type."""

    impl = Text
    cache_ok = True

    def __init__(self, python: type[object]) -> None:
        super().__init__()
        self.python = python
        self._decoder = msgspec.json.Decoder(python)

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:  # noqa: ARG002
        return None if value is None else self._decoder.decode(value)


_PLAIN: dict[Any, TypeEngine[Any]] = {
    str: Words(),
    int: BigInteger(),
    float: Double(),
    bool: Boolean(),
    datetime: Moment(),
}


def columns(entity: type, primary: tuple[str, ...] = ("id",)) -> list[Column[Any]]:
    """One column a field, in the order of the fields, so that a row is an entity's arguments."""
    hints = get_type_hints(entity)
    return [_column(field.name, hints[field.name], primary=field.name in primary) for field in fields(entity)]


def _column(name: str, hint: type[object], *, primary: bool) -> Column[Any]:
    nullable = NoneType in get_args(hint)
    plain = next(kind for kind in get_args(hint) if kind is not NoneType) if nullable else hint
    return Column(name, _kind(plain), primary_key=primary, nullable=nullable)


def _kind(plain: type[object]) -> TypeEngine[Any]:
    if isinstance(plain, type) and issubclass(plain, StrEnum):
        return Choice(plain)
    return _PLAIN.get(plain) or Nested(plain)
