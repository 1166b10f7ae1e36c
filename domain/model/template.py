"""Templates and their variables, with the check of variable values."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import lru_cache
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from jsonschema_rs import Draft202012Validator, RegexOptions

from domain.model.definition import HealthCheck, MinResources
from domain.model.hidden import HIDDEN

Category = Literal["ai", "webapps", "databases", "devtools"]
Transport = Literal["http", "tcp"]
SecurityProfile = Literal["standard", "strict"]
VariableType = Literal["string", "integer", "boolean", "select", "secret", "password", "email", "url"]

LONGEST_VALUE = 16_384
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


_NO_MINIMUM = MinResources()


@dataclass(frozen=True)
class TemplateVariable:
    """A value that the user gives. `generate` is the length of the secret that is generated if none is given."""

    name: str
    label: str
    type: VariableType = "string"
    required: bool = False
    description: str = ""
    default: str | None = None
    options: tuple[str, ...] = ()
    secret: bool = False
    generate: int | None = None
    pattern: str | None = None

    def fault(self, value: str) -> str | None:
        """Return why this value cannot be used, or None. The message never contains the value."""
        return next(self._faults(value), None)

    def _faults(self, value: str) -> Iterator[str]:
        if len(value) > LONGEST_VALUE:
            yield f"{self.label} has more than {LONGEST_VALUE} characters"
        elif _UNSTORABLE.search(value):
            yield f"{self.label} contains a control character or half a Unicode character"
        fits, kind = _KINDS.get(self.type, _ANYTHING)
        if not fits(value):
            yield f"{self.label} must be {kind}"
        if self.type == "select" and value not in self.options:
            yield f"{self.label} must be one of: {', '.join(self.options)}"
        if self.pattern and not matcher(self.pattern).is_valid(value):
            yield f"{self.label} must match {self.pattern}"


@dataclass(frozen=True)
class Expose:
    """The port that visitors reach."""

    port: int
    protocol: Transport = "http"


@dataclass(frozen=True, kw_only=True)
class TemplateSummary:
    """What lists show of a template. `version` counts the changes of a custom one; None: it comes with the panel."""

    id: str
    name: str
    description: str
    category: Category
    tags: tuple[str, ...] = ()
    featured: bool = False
    security_profile: SecurityProfile = "standard"
    min_resources: MinResources = _NO_MINIMUM
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Template(TemplateSummary):
    """A template that passed all rules. `source` is the text of its file, and `digest` changes with it.

    Custom ones are stored like this: a field that is added needs a default.
    """

    documentation: str
    icon: str
    compose: str = field(metadata=HIDDEN)
    expose: Expose
    source: str = field(metadata=HIDDEN)
    digest: str
    trending: bool = False
    coming_soon: bool = False
    healthcheck: HealthCheck | None = None
    variables: tuple[TemplateVariable, ...] = ()
    images: tuple[str, ...] = ()

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secret variables."""
        return frozenset(variable.name for variable in self.variables if variable.secret)

    @property
    def revision(self) -> str:
        """What the ETag is made of. A template that is deleted and created again has another one if it differs."""
        return self.digest if self.version is None else f"{self.digest}-{self.version}"

    @property
    def summary(self) -> TemplateSummary:
        """What lists show of it."""
        return TemplateSummary(**{shown.name: getattr(self, shown.name) for shown in fields(TemplateSummary)})


@dataclass
class CustomTemplate:
    """A template that somebody added to the catalogue. `logo` is an SVG image; None: the image that its icon names.

    The revision is the version. Services have a copy of the template's compose text, so no change reaches them.
    """

    resource_type: ClassVar[str] = "template"

    id: str
    summary: TemplateSummary = field(repr=False)  # the audit record has it as part of the template
    template: Template
    created_at: datetime
    updated_at: datetime
    logo: str | None = None
    revision: int = 1


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Draft202012Validator:
    """Return a check of whole values that takes linear time for any pattern. Raise ValueError for invalid patterns."""
    return Draft202012Validator({"pattern": rf"\A(?:{pattern})\z"}, pattern_options=RegexOptions())


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        reachable = parts.hostname and parts.port != 0
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(reachable) and not re.search(r"\s", value)


_Kind = tuple[Callable[[str], object], str]
_ANYTHING: _Kind = (lambda _: True, "text")
_KINDS: dict[VariableType, _Kind] = {
    "integer": (re.compile(r"-?[0-9]{1,18}").fullmatch, "a whole number"),
    "boolean": (frozenset({"true", "false"}).__contains__, "true or false"),
    "email": (re.compile(r"[^@\s]{1,64}@[^@\s.]{1,63}(\.[^@\s.]{1,63})+").fullmatch, "an e-mail address"),
    "url": (_is_url, "an address that begins with http:// or https://"),
}
