"""The table of a whole run: which statuses were seen of each operation, beside those that the document names."""

from collections.abc import Collection, Iterator

from tests.contract.reading import operations

Seen = Collection[tuple[str, int]]


def table(seen: Seen) -> list[str]:
    """A line for each operation: + seen, - never seen, ! seen and not named."""
    named = _named()
    statuses = sorted({status for _, status in named.keys() | set(seen)})
    width = max(len(operation) for operation, _ in named)
    lines = [f"{'':{width}} {' '.join(map(str, statuses))}"]
    for operation in dict.fromkeys(operation for operation, _ in named):
        marks = (_mark((operation, status), named, seen) for status in statuses)
        lines.append(f"{operation:{width}} {' '.join(f' {mark} ' for mark in marks)}".rstrip())
    kept = sum(pair in seen for pair in named)
    return [*lines, f"{kept} of {len(named)} promised statuses were seen"]


def _named() -> dict[tuple[str, int], None]:
    """In the order of the document."""
    return {(one.id, int(status)): None for one in operations() for status in one.responses}


def _mark(pair: tuple[str, int], named: Seen, seen: Seen) -> str:
    if pair in seen:
        return "+" if pair in named else "!"
    return "-" if pair in named else " "


def wrong(seen: Seen) -> Iterator[str]:
    """What keeps the table from being whole."""
    named = _named().keys()
    for operation, status in sorted(named - set(seen)):
        yield f"no test has seen {status} of {operation}"
    for operation, status in sorted(set(seen) - named):
        yield f"{operation} answered {status}, which the document does not name"
