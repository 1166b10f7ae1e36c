"""Events, as they stand in the document."""

from domain.events import Batch, event_types
from domain.model.event import Event
from handlers.serializers.values import Json


def event(one: Event) -> Json:
    return event_types.public(one)


def event_page(one: Batch) -> Json:
    return {"data": [event(each) for each in one.events], "next_after": one.next_after, "latest": one.latest}
