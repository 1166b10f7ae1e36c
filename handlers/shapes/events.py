"""Events, as they stand in the document."""

from domain import facts
from domain.events import Batch
from domain.model import Event
from handlers.shapes.words import Json


def event(one: Event) -> Json:
    return facts.public(one)


def event_page(one: Batch) -> Json:
    return {"data": [event(each) for each in one.events], "next_after": one.next_after, "latest": one.latest}
