"""Compose files among the given files: what `include` and `extends` name."""

from domain.compose.context import Inputs
from domain.compose.files import is_host_path, missing_file
from domain.compose.findings import Code, FieldError, FindingCollector, Location, UnreadableTextError, quote
from domain.compose.merging import relocate
from domain.compose.values import MapValue, ScalarValue, ValueBuilder, as_map
from domain.compose.yaml_tree import parse

_ADVICE = "Give it in the request's `files`, or write its services into this text."


def read_given_text(path: ScalarValue, refusal: Code, inputs: Inputs) -> MapValue:
    """Return the top level of a given compose file, with the location of `path`. Raise FieldError if it is missing."""
    if is_host_path(path.text) or "://" in path.text:
        raise FieldError(refusal, f"{quote(path.raw)} is outside the given files. {_ADVICE}", path.location)
    content = inputs.files.text(path)
    if content is None:
        raise missing_file(quote(path.raw), _ADVICE, path.location)
    inputs.limit.count_file(content, path.location)
    collector = FindingCollector()
    try:
        root = parse(content, collector)
    except UnreadableTextError as error:
        message = f"{quote(path.raw)}, line {error.location.line}: {error.message}"
        raise FieldError(error.code, message, path.location) from error
    value = ValueBuilder(inputs.interpolator, collector).build(root, Location(1)) if root else None
    for finding in collector.ordered():
        message = f"{quote(path.raw)}, line {finding.line}: {finding.message}"
        inputs.findings.add(finding.code, message, path.location, finding.severity)
    top = as_map(relocate(value, path.location)) if value else MapValue(path.location, {})
    inputs.limit.count(top)
    return top
