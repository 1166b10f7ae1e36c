"""What events look like."""

from domain.events import Batch
from domain.model import Event
from handlers.shapes.words import Json, moment


def event(one: Event) -> Json:
    return {
        "seq": one.sequence,
        "id": one.id,
        "type": one.type,
        "at": moment(one.at),
        "customer_id": one.customer_id,
        "resource": one.resource,
        "data": one.data,
    }


def event_page(one: Batch) -> Json:
    return {"data": [event(each) for each in one.events], "next_after": one.next_after, "latest": one.latest}
