"""The fields of a template file (spec v2) and the values that each of them takes."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.compose import findings, yaml_tree
from domain.errors import Invalid
from domain.model.template import Category, SecurityProfile, TemplateVariable, Transport, VariableType

SHORTEST_SECRET = 22  # letters and digits carry 5.95 bits each: 131 bits

Line = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"\A[^\x00-\x1f\x7f-\x9f]*\Z")]
Prose = Annotated[str, Meta(max_length=500, pattern=r"\A[^\x00-\x08\x0b-\x1f\x7f-\x9f]*\Z")]
Slug = Annotated[str, Meta(max_length=63, pattern=r"\A[a-z0-9][a-z0-9-]*\Z")]
Link = Annotated[str, Meta(max_length=200, pattern=r"\Ahttps://[!-~]+\Z")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Megabytes = Annotated[int, Meta(ge=0, le=2**30)]
_ERROR = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?", re.DOTALL)
_FIELD_ERROR = re.compile(r"Object (?P<fault>missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)
_FAULTS = {"missing required": "This field is required", "contains unknown": "There is no such field"}


class Part(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A map of the file. Keys are in camelCase, and unknown ones are refused."""


class Metadata(Part):
    """What the catalogue shows."""

    name: Slug
    display_name: Line
    description: Prose
    documentation: Link
    category: Category
    icon: Annotated[str, Meta(max_length=80, pattern=r"\A[a-z0-9][a-z0-9-]*\.svg\Z")] = "template.svg"
    tags: Annotated[tuple[Slug, ...], Meta(max_length=20)] = ()
    featured: bool = False
    trending: bool = False
    coming_soon: bool = False


class Domain(Part):
    """The port that visitors reach."""

    port: Port
    protocol: Transport = "http"


class Resources(Part):
    """What the template needs at least."""

    cpu_cores: Annotated[float, Meta(ge=0, le=128)]
    memory_mb: Megabytes = msgspec.field(name="memoryMB")
    storage_mb: Megabytes = msgspec.field(name="storageMB", default=0)


class Check(Part):
    """The HTTP check from outside of the container. Times are in seconds."""

    path: Annotated[str, Meta(max_length=1024, pattern=r"\A/[!-~]*\Z")]
    port: Port | None = None
    interval: Annotated[int, Meta(ge=1, le=3600)] = 10
    timeout: Annotated[int, Meta(ge=1, le=300)] = 5


class Variable(Part):
    """A value that the user gives."""

    name: Annotated[str, Meta(max_length=64, pattern=r"\A[A-Z][A-Z0-9_]*\Z")]
    label: Line
    type: VariableType = "string"
    required: bool = False
    description: Prose = ""
    default: str | None = None
    options: Annotated[tuple[Line, ...], Meta(max_length=100)] = ()
    secret: bool = False
    generate: Annotated[int, Meta(ge=SHORTEST_SECRET, le=256)] | None = None
    pattern: Annotated[str, Meta(min_length=1, max_length=200)] | None = None

    def to_variable(self) -> TemplateVariable:
        """Return the variable as the catalogue holds it. Variables of the types secret and password are secret."""
        fields = msgspec.structs.asdict(self)
        return TemplateVariable(**fields | {"secret": self.secret or self.type in {"secret", "password"}})


class Spec(Part):
    """What is deployed."""

    domains: Annotated[tuple[Domain, ...], Meta(min_length=1, max_length=1)]
    min_resources: Resources
    compose: str
    security_profile: SecurityProfile = "standard"
    healthcheck: Check | None = None
    variables: Annotated[tuple[Variable, ...], Meta(max_length=100)] = ()


class File(Part):
    """The whole file."""

    api_version: Literal["v2"]
    kind: Literal["Template"]
    metadata: Metadata
    spec: Spec


def read(text: str) -> File:
    """Return the parsed file. Raise Invalid, with the dotted field and the line of each fault."""
    collector = findings.FindingCollector()
    try:
        tree = yaml_tree.parse(text, collector)
    except findings.UnreadableTextError as error:
        raise Invalid({dotted(error.location.pointer): located(error.location.line, error.message)}) from None
    if collector.ordered():
        raise Invalid(
            {dotted(finding.pointer): located(finding.line, finding.message) for finding in collector.ordered()}
        )
    try:
        return msgspec.convert(_plain(tree), File, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(dict([_field_error(str(error))])) from None


def located(line: int, message: str) -> str:
    """Return a message with its line number."""
    return f"line {line}: {message}"


def dotted(pointer: str) -> str:
    """Return a JSON pointer as a dotted field name; the whole file is `template`."""
    return pointer.strip("/").replace("/", ".") or "template"


def _plain(node: yaml_tree.Node | None) -> object:
    if isinstance(node, yaml_tree.MappingNode):
        return {key: _plain(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, yaml_tree.SequenceNode):
        return [_plain(item) for _, item in node.items]
    return None if node is None or node.null else node.text


def _field_error(message: str) -> tuple[str, str]:
    match = _ERROR.fullmatch(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    steps = [path.replace("[", ".").replace("]", "")] if path else []
    if field := _FIELD_ERROR.fullmatch(what):
        return ".".join([*steps, field["name"]]), _FAULTS[field["fault"]]
    return ".".join(steps) or "template", what
