"""The top-level `configs` and `secrets`, and the files that they become in the containers."""

from dataclasses import dataclass

from domain.compose.field_rules import check_fields
from domain.compose.files import GivenFiles, is_host_path, missing_file
from domain.compose.findings import AlreadyReportedError, Code, FieldError, FindingCollector, quote
from domain.compose.interpolation import Interpolator
from domain.compose.refusals import CONFIG
from domain.compose.values import MapValue, ScalarValue, as_map, as_scalar, is_blank, is_null

_SOURCES = ("content", "environment", "file")
_ADVICE = "Give it in the request's `files`, or write the text under `content`."


@dataclass(frozen=True)
class Configs:
    """The declared configs or secrets of a text; their contents are read when a service uses them."""

    kind: str
    declared: MapValue
    files: GivenFiles
    interpolator: Interpolator

    def content(self, name: str, reference: ScalarValue) -> bytes:
        """Return the content of a config. Raise FieldError if it is not declared or has no content."""
        if name not in self.declared.entries:
            message = f"Declare {quote(reference.raw)} under the top-level `{self.kind}`."
            raise FieldError(Code.UNKNOWN_CONFIG, message, reference.location)
        declaration = as_map(self.declared.entries[name])
        for source in _SOURCES:
            value = declaration.entries.get(source)
            if value is not None and not is_null(value):
                return self._read(source, as_scalar(value))
        external = declaration.get("external")
        if external and not is_blank(external):
            raise AlreadyReportedError
        message = f"Write `content`, `environment` or `file` for {quote(name)}."
        raise FieldError(Code.BAD_VALUE, message, declaration.location)

    def _read(self, source: str, value: ScalarValue) -> bytes:
        if source == "content":
            return value.text.encode()
        return self._variable(value).encode(errors="replace") if source == "environment" else self._file(value)

    def _variable(self, value: ScalarValue) -> str:
        text = self.interpolator.value(value.text)
        if text is None:
            message = f"Set the variable {quote(value.raw)}: its value is the content of the file."
            raise FieldError(Code.MISSING_VARIABLE, message, value.location)
        return text

    def _file(self, value: ScalarValue) -> bytes:
        if is_host_path(value.text):
            message = f"{quote(value.raw)} is a path of the host. {_ADVICE}"
            raise FieldError(Code.SECRET_FILE_REFUSED, message, value.location)
        content = self.files.get(value.text)
        if content is None:
            raise missing_file(quote(value.raw), _ADVICE, value.location)
        return content


def check_configs(configs: Configs, findings: FindingCollector) -> None:
    """Add a finding for each field of the declarations that is not accepted."""
    for value in configs.declared.entries.values():
        declaration: MapValue | None = findings.attempt(as_map, value)
        if declaration:
            check_fields(declaration, _SOURCES, CONFIG, findings)
