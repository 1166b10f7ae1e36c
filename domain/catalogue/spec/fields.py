"""The shape of a template file (spec v2): which fields there are and which values they take by themselves."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.catalogue.spec.template import Category, SecurityProfile, TemplateVariable, Transport, VariableType
from domain.compose import findings, yaml_tree
from domain.errors import Invalid

SHORTEST_SECRET = 22  # letters and digits carry 5.95 bits each: 131 bits

Line = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"\A[^\x00-\x1f\x7f-\x9f]*\Z")]
Prose = Annotated[str, Meta(max_length=500, pattern=r"\A[^\x00-\x08\x0b-\x1f\x7f-\x9f]*\Z")]
Slug = Annotated[str, Meta(max_length=63, pattern=r"\A[a-z0-9][a-z0-9-]*\Z")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Megabytes = Annotated[int, Meta(ge=0, le=2**30)]
_SAID = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?", re.DOTALL)
_NAMED = re.compile(r"Object (?P<fault>missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)
_FAULTS = {"missing required": "This field is required", "contains unknown": "There is no such field"}


class Part(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A map of the file: camelCase, and nothing that the panel does not know."""


class Metadata(Part):
    """What people choose a template by."""

    name: Slug
    display_name: Line
    description: Prose
    category: Category
    icon: Annotated[str, Meta(max_length=80, pattern=r"\A[a-z0-9][a-z0-9-]*\.svg\Z")]
    tags: Annotated[tuple[Slug, ...], Meta(max_length=20)] = ()
    featured: bool = False
    trending: bool = False
    coming_soon: bool = False


class Domain(Part):
    """Where visitors are sent."""

    port: Port
    protocol: Transport = "http"


class Resources(Part):
    """What it needs at least."""

    cpu_cores: Annotated[float, Meta(ge=0, le=128)]
    memory_mb: Megabytes = msgspec.field(name="memoryMB")
    storage_mb: Megabytes = msgspec.field(name="storageMB", default=0)


class Check(Part):
    """The HTTP check from outside the container."""

    path: Annotated[str, Meta(max_length=1024, pattern=r"\A/[!-~]*\Z")]
    port: Port | None = None
    interval: Annotated[int, Meta(ge=1, le=3600)] = 10
    timeout: Annotated[int, Meta(ge=1, le=300)] = 5


class Variable(Part):
    """What the user is asked for."""

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

    def meant(self) -> TemplateVariable:
        """The variable as the rules see it: what is secret by its type is secret."""
        stated = msgspec.structs.asdict(self)
        return TemplateVariable(**stated | {"secret": self.secret or self.type in {"secret", "password"}})


class Spec(Part):
    """What is deployed."""

    domains: Annotated[tuple[Domain, ...], Meta(min_length=1, max_length=1)]
    min_resources: Resources
    compose: str
    security_profile: SecurityProfile = "standard"
    healthcheck: Check | None = None
    variables: Annotated[tuple[Variable, ...], Meta(max_length=100)] = ()


class File(Part):
    """The whole."""

    api_version: Literal["v2"]
    kind: Literal["Template"]
    metadata: Metadata
    spec: Spec


def read(text: str) -> File:
    """The file of this text; raises Invalid."""
    notes = findings.FindingCollector()
    try:
        tree = yaml_tree.parse(text, notes)
    except findings.UnreadableTextError as fault:
        raise Invalid({dotted(fault.location.pointer): located(fault.location.line, fault.message)}) from None
    if notes.ordered():
        raise Invalid({dotted(found.pointer): located(found.line, found.message) for found in notes.ordered()})
    try:
        return msgspec.convert(_plain(tree), File, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(dict([_said(str(error))])) from None


def located(line: int, message: str) -> str:
    """A message that says where to look."""
    return f"line {line}: {message}"


def dotted(pointer: str) -> str:
    """A JSON pointer as the name of a field; the whole file is `template`."""
    return pointer.strip("/").replace("/", ".") or "template"


def _plain(node: yaml_tree.Node | None) -> object:
    if isinstance(node, yaml_tree.MappingNode):
        return {key: _plain(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, yaml_tree.SequenceNode):
        return [_plain(item) for _, item in node.items]
    return None if node is None or node.null else node.text


def _said(message: str) -> tuple[str, str]:
    said = _SAID.fullmatch(message)
    what, path = (said["what"], said["path"] or "") if said else (message, "")
    steps = [path.replace("[", ".").replace("]", "")] if path else []
    if named := _NAMED.fullmatch(what):
        return ".".join([*steps, named["name"]]), _FAULTS[named["fault"]]
    return ".".join(steps) or "template", what
