"""Statuses seen of each operation in a full test run, compared with the documented ones."""

from collections.abc import Collection, Iterator

from tests.contract.reading import operations

Seen = Collection[tuple[str, int]]


def table(seen: Seen) -> list[str]:
    """Return a line for each operation: + seen, - not seen, ! seen but not documented."""
    documented = _documented()
    statuses = sorted({status for _, status in documented.keys() | set(seen)})
    width = max(len(operation) for operation, _ in documented)
    lines = [f"{'':{width}} {' '.join(map(str, statuses))}"]
    for operation in dict.fromkeys(operation for operation, _ in documented):
        symbols = (_symbol((operation, status), documented, seen) for status in statuses)
        lines.append(f"{operation:{width}} {' '.join(f' {symbol} ' for symbol in symbols)}".rstrip())
    covered = sum(pair in seen for pair in documented)
    return [*lines, f"{covered} of {len(documented)} documented statuses were seen"]


def _documented() -> dict[tuple[str, int], None]:
    """Return the documented pairs of operation and status, in the order of the document."""
    return {(operation.id, int(status)): None for operation in operations() for status in operation.responses}


def _symbol(pair: tuple[str, int], documented: Seen, seen: Seen) -> str:
    if pair in seen:
        return "+" if pair in documented else "!"
    return "-" if pair in documented else " "


def mismatches(seen: Seen) -> Iterator[str]:
    """Yield a message for each documented status that was not seen, and for each seen one that is not documented."""
    documented = _documented().keys()
    for operation, status in sorted(documented - set(seen)):
        yield f"no test received {status} from {operation}"
    for operation, status in sorted(set(seen) - documented):
        yield f"{operation} returned {status}, which is not documented"
