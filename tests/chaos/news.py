"""Whether every watcher was told of every event that it may see, once and in order."""

from collections.abc import Iterator
from itertools import pairwise

from tests.chaos.reading import Json
from tests.chaos.watchers import Watcher


def gaps(events: list[Json]) -> Iterator[str]:
    """Numbers count from one, and skip none."""
    numbers = [event["seq"] for event in events]
    if numbers[:1] not in ([], [1]):
        yield f"the first is {numbers[0]}"
    yield from (f"{before} is followed by {after}" for before, after in pairwise(numbers) if after != before + 1)


def untold(watcher: Watcher, events: list[Json]) -> str | None:
    """What a watcher should have been told otherwise; None when all is well."""
    wanted = [(event["seq"], event["id"]) for event in events]
    if watcher.told == wanted:
        return None
    told, numbers = set(watcher.told), [number for number, _ in watcher.told]
    missing = [number for number, name in wanted if (number, name) not in told]
    strange = sorted({number for number, _ in told - set(wanted)})
    doubled = sorted({number for number in numbers if numbers.count(number) > 1}) if missing == strange == [] else []
    back = [f"{before}→{after}" for before, after in pairwise(numbers) if after <= before]
    return (
        f"{watcher.name}: {len(wanted)} events, told of {len(numbers)}; missing {missing[:9]},"
        f" not its own {strange[:9]}, doubled {doubled[:9]}, out of order {back[:9]}; {watcher.cuts} cuts"
    )
