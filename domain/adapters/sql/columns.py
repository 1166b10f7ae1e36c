"""Map the fields of a dataclass to columns that SQLite and PostgreSQL store and sort alike."""

from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_type_hints

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Dialect, Double, String, Text, TypeDecorator
from sqlalchemy.types import TypeEngine


def replace_unstorable(text: str) -> str:
    """Return the text with NUL and lone surrogates replaced, which PostgreSQL or SQLite cannot store."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


class TextType(TypeDecorator[str]):
    """Text that is compared byte by byte."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(collation="C" if dialect.name == "postgresql" else None))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else replace_unstorable(value)


class EnumType(TypeDecorator[StrEnum]):
    """A member of an enum, stored as its value. Values have at most 20 characters."""

    impl = String
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__(20)
        self.enum = enum

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else str(self.enum(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        return None if value is None else self.enum(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC, truncated to milliseconds. A value without a time zone is taken as UTC."""

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
    except OverflowError:  # within a day of year 1 or 9999: an offset of hours makes no difference to a filter
        return value.replace(tzinfo=UTC)


class JsonType(TypeDecorator[object]):
    """A value that msgspec writes as JSON and reads back as the given Python type."""

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


class RawJson(TypeDecorator[msgspec.Raw]):
    """Read what `JsonType` has stored as it is: msgspec writes it into other JSON unchanged."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> msgspec.Raw | None:  # noqa: ARG002
        return None if value is None else msgspec.Raw(value.encode())


_SCALARS: dict[Any, TypeEngine[Any]] = {
    str: TextType(),
    int: BigInteger(),
    float: Double(),
    bool: Boolean(),
    datetime: UtcDateTime(),
}


def columns(entity: type, primary: tuple[str, ...] = ("id",)) -> list[Column[Any]]:
    """Return one column for each field of a dataclass, in the order of its fields.

    A row of the table is therefore the dataclass's positional arguments. A field that may be None is nullable.
    """
    hints = get_type_hints(entity)
    return [_column(field.name, hints[field.name], primary=field.name in primary) for field in fields(entity)]


def _column(name: str, hint: type[object], *, primary: bool) -> Column[Any]:
    nullable = NoneType in get_args(hint)
    python = next(kind for kind in get_args(hint) if kind is not NoneType) if nullable else hint
    return Column(name, _column_type(python), primary_key=primary, nullable=nullable)


def _column_type(python: type[object]) -> TypeEngine[Any]:
    if isinstance(python, type) and issubclass(python, StrEnum):
        return EnumType(python)
    return _SCALARS.get(python) or JsonType(python)
