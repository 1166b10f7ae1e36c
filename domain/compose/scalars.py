"""Read scalars by kind: words, numbers, durations, sizes, argv, paths inside a container."""

import posixpath
import re
import shlex
from collections.abc import Iterable

from domain.compose.findings import Code, FieldError, quote
from domain.compose.values import ListValue, ScalarValue, Value, as_list, as_scalar

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


def bad_value(value: ScalarValue, wanted: str) -> FieldError:
    """Make the error for a value of the wrong form. It quotes the text as written, never a variable's value."""
    return FieldError(Code.BAD_VALUE, f"{quote(value.raw)} cannot be used here: {wanted}.", value.location)


def non_empty_text(value: Value) -> str:
    """Read a scalar that is not blank."""
    scalar = as_scalar(value)
    if not scalar.text.strip():
        raise bad_value(scalar, "write a value or remove the field")
    return scalar.text


def match_pattern(value: Value, pattern: re.Pattern[str], wanted: str) -> str:
    """Read a scalar that matches the whole pattern."""
    scalar = as_scalar(value)
    if not pattern.fullmatch(scalar.text):
        raise bad_value(scalar, wanted)
    return scalar.text


def choice(value: Value, words: Iterable[str]) -> str:
    """Read one of the given words."""
    scalar = as_scalar(value)
    if scalar.text not in words:
        raise bad_value(scalar, "write " + " or ".join(f"`{word}`" for word in words))
    return scalar.text


def boolean(value: Value) -> bool:
    """Read `true` or `false`."""
    scalar = as_scalar(value)
    if scalar.text.lower() not in ("true", "false"):
        raise bad_value(scalar, "write `true` or `false`")
    return scalar.text.lower() == "true"


def integer(value: Value, least: int, most: int) -> int:
    """Read a decimal integer within bounds."""
    scalar = as_scalar(value)
    if not _WHOLE.fullmatch(scalar.text) or not least <= int(scalar.text) <= most:
        raise bad_value(scalar, f"write an integer from {least} to {most}")
    return int(scalar.text)


def cpus(value: Value) -> float:
    """Read a number of processor cores."""
    scalar = as_scalar(value)
    if not _DECIMAL.fullmatch(scalar.text) or not LEAST_CPU <= float(scalar.text) <= MOST_CPU:
        raise bad_value(scalar, f"write a number of cores from {LEAST_CPU} to {MOST_CPU:.0f}, such as `0.5`")
    return float(scalar.text)


def memory_mb(value: Value) -> int:
    """Read an amount of memory in MiB, rounded down."""
    scalar = as_scalar(value)
    match = _MEMORY.fullmatch(scalar.text)
    amount = float(match[1]) * 1024 ** ("kmgt".find(match[2].lower() or "-") + 1) / 1024**2 if match else 0.0
    if not LEAST_MEMORY_MB <= amount <= MOST_MEMORY_MB:
        raise bad_value(scalar, f"write an amount from {LEAST_MEMORY_MB}m to 1t, such as `256m` or `1g`")
    return int(amount)


def duration(value: Value, least: float, most: float) -> float:
    """Read a duration such as `1m30s`, in seconds."""
    scalar = as_scalar(value)
    match = _DURATION.fullmatch(scalar.text)
    total = sum(float(part) * unit for part, unit in zip(match.groups("0"), _SECONDS, strict=True)) if match else -1.0
    if not least <= total <= most:
        raise bad_value(scalar, f"write a duration of {least:g} to {most:g} seconds, such as `30s` or `1m30s`")
    return total


def argv(value: Value) -> tuple[str, ...]:
    """Read a list as it is, or a string split like a shell does.

    The string is split before interpolation: the value of a variable stays within its word.
    """
    if isinstance(value, ListValue):
        return tuple(as_scalar(item).text for item in as_list(value))
    scalar = as_scalar(value)
    marked = "".join(
        f"\0{number}\0" if fragment.from_variable and fragment.text else fragment.text
        for number, fragment in enumerate(scalar.fragments)
    )
    try:
        words = shlex.split(marked)
    except ValueError as error:
        raise bad_value(scalar, "close its quotes, or write a list") from error
    return tuple(_unmarked(word, scalar) for word in words)


def _unmarked(word: str, value: ScalarValue) -> str:
    return re.sub("\0([0-9]+)\0", lambda match: value.fragments[int(match[1])].text, word)


def container_path(value: Value) -> str:
    """Read an absolute path inside a container, normalised."""
    scalar = as_scalar(value)
    return normalize_path(scalar, scalar.text)


def normalize_path(value: ScalarValue, raw: str) -> str:
    """Normalise an absolute path that is a part of a value."""
    if not raw.startswith("/") or ".." in raw.split("/") or len(raw) > 1024 or ":" in raw:
        raise bad_value(value, "write an absolute path inside the container, without `..`")
    return "/" + posixpath.normpath(raw).strip("/")
