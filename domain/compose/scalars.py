"""Single values by kind: words, numbers, durations, amounts of memory, argv, paths inside a container."""

import posixpath
import re
import shlex
from collections.abc import Iterable

from domain.compose.findings import Code, FieldError, shown
from domain.compose.values import Items, Text, Value, items, single

_WHOLE = re.compile(r"0|[1-9][0-9]{0,9}")
_DECIMAL = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?|\.[0-9]{1,6}")
_DURATION = re.compile(
    r"(?=[0-9])" + "".join(rf"(?:([0-9]{{1,9}}(?:\.[0-9]{{1,6}})?){unit})?" for unit in ("h", "m", "s", "ms", "us"))
)
_SECONDS = (3600.0, 60.0, 1.0, 1e-3, 1e-6)
_MEMORY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([kmgt]?)i?b?", re.IGNORECASE)

LEAST_CPU, MOST_CPU = 0.01, 128.0
LEAST_MEMORY_MB, MOST_MEMORY_MB = 6, 1024 * 1024
MOST_REPLICAS = 20


def bad(value: Text, wanted: str) -> FieldError:
    """The finding for a value of the wrong form; it shows what was written, never what a variable held."""
    return FieldError(Code.BAD_VALUE, f"{shown(value.written)} cannot be used here: {wanted}.", value.place)


def text(value: Value) -> str:
    """A single value that says something."""
    found = single(value)
    if not found.text.strip():
        raise bad(found, "write a value or remove the field")
    return found.text


def matching(value: Value, pattern: re.Pattern[str], wanted: str) -> str:
    """A single value that the whole pattern fits."""
    found = single(value)
    if not pattern.fullmatch(found.text):
        raise bad(found, wanted)
    return found.text


def one_of(value: Value, words: Iterable[str]) -> str:
    """One of a few words."""
    found = single(value)
    if found.text not in words:
        raise bad(found, "write " + " or ".join(f"`{word}`" for word in words))
    return found.text


def boolean(value: Value) -> bool:
    """`true` or `false`; `yes` and `on` mean different things to different readers and are refused."""
    found = single(value)
    if found.text.lower() not in ("true", "false"):
        raise bad(found, "write `true` or `false`")
    return found.text.lower() == "true"


def whole(value: Value, least: int, most: int) -> int:
    """A decimal whole number within bounds."""
    found = single(value)
    if not _WHOLE.fullmatch(found.text) or not least <= int(found.text) <= most:
        raise bad(found, f"write a whole number from {least} to {most}")
    return int(found.text)


def cpus(value: Value) -> float:
    """A number of processor cores."""
    found = single(value)
    if not _DECIMAL.fullmatch(found.text) or not LEAST_CPU <= float(found.text) <= MOST_CPU:
        raise bad(found, f"write a number of cores from {LEAST_CPU} to {MOST_CPU:.0f}, such as `0.5`")
    return float(found.text)


def memory_mb(value: Value) -> int:
    """An amount of memory in whole MiB, rounded down."""
    found = single(value)
    match = _MEMORY.fullmatch(found.text)
    amount = float(match[1]) * 1024 ** ("kmgt".find(match[2].lower() or "-") + 1) / 1024**2 if match else 0.0
    if not LEAST_MEMORY_MB <= amount <= MOST_MEMORY_MB:
        raise bad(found, f"write an amount from {LEAST_MEMORY_MB}m to 1t, such as `256m` or `1g`")
    return int(amount)


def seconds(value: Value, least: float, most: float) -> float:
    """A duration such as `1m30s`, in seconds."""
    found = single(value)
    match = _DURATION.fullmatch(found.text)
    total = sum(float(part) * unit for part, unit in zip(match.groups("0"), _SECONDS, strict=True)) if match else -1.0
    if not least <= total <= most:
        raise bad(found, f"write a time from {least:g} to {most:g} seconds with its unit, such as `30s` or `1m30s`")
    return total


def argv(value: Value) -> tuple[str, ...]:
    """A list as it stands, or a string split like a shell would split it.

    What a variable holds stays within its word: the string is split before the values are put in.
    """
    if isinstance(value, Items):
        return tuple(single(item).text for item in items(value))
    found = single(value)
    marked = "".join(
        f"\0{number}\0" if piece.given and piece.text else piece.text for number, piece in enumerate(found.pieces)
    )
    try:
        words = shlex.split(marked)
    except ValueError as error:
        raise bad(found, "close its quotes, or write a list") from error
    return tuple(_unmarked(word, found) for word in words)


def _unmarked(word: str, value: Text) -> str:
    return re.sub("\0([0-9]+)\0", lambda match: value.pieces[int(match[1])].text, word)


def path(value: Value) -> str:
    """An absolute path inside a container, normalised."""
    found = single(value)
    return absolute(found, found.text)


def absolute(value: Text, written: str) -> str:
    """The same from a part of a value."""
    if not written.startswith("/") or ".." in written.split("/") or len(written) > 1024 or ":" in written:
        raise bad(value, "write an absolute path inside the container, without `..`")
    return "/" + posixpath.normpath(written).strip("/")
