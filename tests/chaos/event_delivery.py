"""Check that every watcher received every event that it may see, once and in order."""

from collections.abc import Iterator
from itertools import pairwise

from tests.chaos.panel_reader import Json
from tests.chaos.watchers import Watcher


def sequence_gaps(events: list[Json]) -> Iterator[str]:
    """Yield gaps: sequence numbers start at 1 and have no gaps."""
    numbers = [event["seq"] for event in events]
    if numbers[:1] not in ([], [1]):
        yield f"the first is {numbers[0]}"
    yield from (f"{before} is followed by {after}" for before, after in pairwise(numbers) if after != before + 1)


def delivery_error(watcher: Watcher, events: list[Json]) -> str | None:
    """Return how the received events differ from those expected, or None if they are equal."""
    expected = [(event["seq"], event["id"]) for event in events]
    if watcher.received == expected:
        return None
    received, numbers = set(watcher.received), [number for number, _ in watcher.received]
    missing = [number for number, name in expected if (number, name) not in received]
    unexpected = sorted({number for number, _ in received - set(expected)})
    duplicates = (
        sorted({number for number in numbers if numbers.count(number) > 1}) if missing == unexpected == [] else []
    )
    back = [f"{before}→{after}" for before, after in pairwise(numbers) if after <= before]
    return (
        f"{watcher.name}: {len(expected)} events, received {len(numbers)}; missing {missing[:9]},"
        f" unexpected {unexpected[:9]}, duplicates {duplicates[:9]}, out of order {back[:9]}; {watcher.cuts} cuts"
    )
