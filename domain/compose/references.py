"""What a service names of the same text: the services it waits for and the networks it joins."""

from dataclasses import dataclass
from typing import cast

from domain.compose.context import Context
from domain.compose.findings import Code, FieldError, shown
from domain.compose.refusals import DEPENDENCY, refuse
from domain.compose.scalars import one_of
from domain.compose.values import Fields, Items, Value, fields, single
from domain.model.project import Condition

_CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")


@dataclass(frozen=True, slots=True)
class Named:
    """A name with what the text says about it; `written` is fit for messages, for a name may come from a variable."""

    name: str
    written: str
    details: Fields


def depends_on(value: Value, context: Context) -> dict[str, Condition]:
    """The services to wait for, and until when."""
    return dict(context.notes.each(lambda named: _dependency(named, context), _named(value, context)))


def _dependency(named: Named, context: Context) -> tuple[str, Condition]:
    if named.name not in context.services:
        message = f"{named.written} is no service of this text: name one of them, or remove it."
        raise FieldError(Code.UNKNOWN_SERVICE, message, named.details.place)
    refuse(named.details, ("condition",), DEPENDENCY, context.notes)
    condition = named.details.get("condition")
    return named.name, cast("Condition", one_of(condition, _CONDITIONS) if condition else "service_started")


def networks(value: Value, context: Context) -> tuple[str, ...]:
    """The networks to join, each once; the project's own when none is named."""
    found = context.notes.each(lambda named: _network(named, context), _named(value, context))
    return tuple(dict.fromkeys(found)) or ("default",)


def _network(named: Named, context: Context) -> str:
    if named.name not in context.networks | {"default"}:
        message = f"Declare the network under the top-level `networks`: {named.written} is not there."
        raise FieldError(Code.UNKNOWN_NETWORK, message, named.details.place)
    if named.details.entries:
        message = "Write only the network's name: services reach each other by their own names."
        raise FieldError(Code.UNSUPPORTED_FIELD, message, named.details.place)
    return named.name


def _named(value: Value, context: Context) -> tuple[Named, ...]:
    """The names of a list, or of a map with what it says about each."""
    if isinstance(value, Items):
        return context.notes.each(_item, value.items)
    return context.notes.each(_entry, tuple(fields(value).entries.items()))


def _item(value: Value) -> Named:
    found = single(value)
    return Named(found.text, shown(found.written), Fields(found.place, {}))


def _entry(entry: tuple[str, Value]) -> Named:
    name, value = entry
    return Named(name, shown(name), fields(value))
