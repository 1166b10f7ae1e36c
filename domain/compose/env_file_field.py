"""`env_file` and `label_file` of a service: given files, and `.env`, which means the service's variables."""

from collections.abc import Mapping
from typing import Any

from domain.compose.context import Context
from domain.compose.env_files import parse_env_file
from domain.compose.field_rules import FieldRules, check_fields
from domain.compose.files import is_host_path, missing_file, normalize
from domain.compose.findings import Code, FieldError, Location, quote
from domain.compose.interpolation import TemplateError
from domain.compose.key_values import Pair, keep_labels
from domain.compose.scalars import boolean, choice
from domain.compose.values import ListValue, MapValue, ScalarValue, Value, as_scalar, check_content

MOST_ENV_FILES = 20
_VARIABLE_FILES = frozenset({".env", "stack.env"})


def read_env_file(value: Value, context: Context) -> Mapping[str, Any]:
    """Read the environment variables of the files; later files win."""
    environment: dict[str, str] = {}
    for lines in context.findings.attempt_all(lambda entry: _environment(entry, context), _entries(value, context)):
        environment |= lines
    return {"environment": environment}


def read_label_file(value: Value, context: Context) -> Mapping[str, Any]:
    """Read the labels of the files."""
    pairs: list[Pair] = []
    for entry in _entries(value, context):
        lines = context.findings.attempt(lambda entry: _lines(entry, "labels", context), entry) or {}
        pairs += [Pair(name, text, entry.location) for name, text in lines.items()]
    return {"labels": keep_labels(tuple(pairs), value.location, context)}


def _entries(value: Value, context: Context) -> tuple[Value, ...]:
    entries = value.items if isinstance(value, ListValue) else (value,)
    if len(entries) > MOST_ENV_FILES:
        raise FieldError(Code.BAD_VALUE, f"A service has at most {MOST_ENV_FILES} such files.", value.location)
    return tuple(_check(entry, context) for entry in entries)


def _environment(entry: Value, context: Context) -> dict[str, str]:
    variables = dict(context.interpolator.all()) if _is_variable_file(entry) else {}
    lines = {} if _is_variable_file(entry) and _given(entry, context) is None else _lines(entry, "environment", context)
    values = {name: context.interpolator.value(name) if text is None else text for name, text in lines.items()}
    merged = {name: text for name, text in (values | variables).items() if text is not None}
    for name, text in merged.items():
        context.budget.spend(len(name) + len(text), entry.location)
    return {name: check_content(text, entry.location) for name, text in merged.items()}


def _lines(entry: Value, field: str, context: Context) -> dict[str, str | None]:
    content = _given(entry, context)
    path = _path(entry)
    if is_host_path(path.text):
        message = f"{quote(path.raw)} is a path of the host. Write the lines of the file under `{field}`."
        raise FieldError(Code.ENV_FILE_REFUSED, message, path.location)
    if content is None and _is_optional(entry):
        return {}
    if content is None:
        raise missing_file(
            quote(path.raw), f"Give it in the request's `files`, or write its lines under `{field}`.", path.location
        )
    return _parse(content, entry, path.location, context)


def _parse(content: str, entry: Value, location: Location, context: Context) -> dict[str, str | None]:
    form = entry.get("format") if isinstance(entry, MapValue) else None
    if form and choice(form, ("raw",)):
        context.budget.spend(len(content), location)
        pairs = (line.partition("=") for line in content.splitlines() if line.strip() and not line.startswith("#"))
        return {name: text if equals else None for name, equals, text in pairs}
    context.budget.spend(len(content) * 8, location)
    try:
        return parse_env_file(content, context.interpolator)
    except TemplateError as error:
        raise FieldError(error.code, error.message, location) from error


def _given(entry: Value, context: Context) -> str | None:
    return context.files.text(_path(entry))


def _is_variable_file(entry: Value) -> bool:
    return normalize(_path(entry).text) in _VARIABLE_FILES


def _is_optional(entry: Value) -> bool:
    required = entry.get("required") if isinstance(entry, MapValue) else None
    return required is not None and not boolean(required)


def _check(entry: Value, context: Context) -> Value:
    if isinstance(entry, MapValue):
        check_fields(entry, ("path", "required", "format"), FieldRules(), context.findings)
    return entry


def _path(entry: Value) -> ScalarValue:
    if not isinstance(entry, MapValue):
        return as_scalar(entry)
    path = entry.get("path")
    if path is None:
        raise FieldError(Code.BAD_VALUE, "Write `path`: the file with the variables.", entry.location)
    return as_scalar(path)
