"""Read scalars by kind: words, numbers, durations, sizes, argv, paths inside a container."""

import posixpath
import re
import shlex
from collections.abc import Iterable

from domain.compose.findings import Code, FieldError, quote
from domain.compose.plain_scalars import resolve as resolve_plain
from domain.compose.values import ListValue, ScalarValue, Value, as_list, as_scalar

_WHOLE = re.compile(r"0|[1-9][0-9]{0,9}")
_DECIMAL = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?|\.[0-9]{1,6}")
_DURATION_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(ns|us|µs|μs|ms|s|m|h|d|w)")
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern}){{1,10}}")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SECONDS["w"] = 7 * 86400
_TRUE, _FALSE = frozenset({"true", "yes", "y", "on"}), frozenset({"false", "no", "n", "off"})
_MEMORY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([kmgt]?)i?b?", re.IGNORECASE)

LEAST_CPU, MOST_CPU = 0.01, 128.0
LEAST_MEMORY_MB, MOST_MEMORY_MB = 6, 1024 * 1024
MOST_REPLICAS = 20
LONGEST_DURATION = 10 * 365 * 86400.0


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
    """Read `true` or `false`, or the words of YAML 1.1 that compose still accepts."""
    scalar = as_scalar(value)
    word = scalar.text.lower()
    if word not in _TRUE | _FALSE:
        raise bad_value(scalar, "write `true` or `false`")
    return word in _TRUE


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


def byte_size(value: Value, least: int) -> int:
    """Read a size such as `64m` or `1.5gb`, in bytes; a number without a unit means bytes."""
    scalar = as_scalar(value)
    match = _MEMORY.fullmatch(scalar.text.strip())
    size = int(float(match[1]) * 1024 ** ("kmgt".find(match[2].lower() or "-") + 1)) if match else -1
    if not least <= size <= MOST_MEMORY_MB * 2**20:
        lowest = f"{least // 2**20}m" if least >= 2**20 else f"{least}b"
        raise bad_value(scalar, f"write a size from {lowest} to 1t, such as `256m` or `1g`")
    return size


def memory_mb(value: Value) -> int:
    """Read an amount of memory in MiB, rounded down."""
    return byte_size(value, LEAST_MEMORY_MB * 2**20) // 2**20


def duration(value: Value) -> float:
    """Read a duration such as `1m30s` or `1d`, in seconds."""
    scalar = as_scalar(value)
    text = scalar.text.strip()
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text[:200]))
    if not _DURATION.fullmatch(text) or seconds > LONGEST_DURATION:
        raise bad_value(scalar, "write a duration with its unit, such as `30s` or `1m30s`")
    return seconds


def file_mode(value: Value) -> int:
    """Read permissions of a file. An unquoted number follows YAML (`0440` is octal); a quoted one is octal."""
    scalar = as_scalar(value)
    is_number = scalar.plain and "$" not in scalar.raw
    text = resolve_plain(scalar.text) if is_number else scalar.text
    if not re.fullmatch("[0-9]{1,4}" if is_number else "[0-7]{1,5}", text):
        raise bad_value(scalar, "write permissions such as `0440`")
    return int(text, 10 if is_number else 8) & 0o7777


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


def normalize_path(value: ScalarValue, path: str) -> str:
    """Normalise an absolute path that is a part of a value."""
    if not path.startswith("/") or len(path) > 1024 or ":" in path:
        raise bad_value(value, "write an absolute path inside the container")
    return "/" + posixpath.normpath(path).strip("/")
