"""The volumes of a project: declared, used without a declaration, and those that the text names by a path."""

import hashlib
import re

from domain.compose.files import normalize
from domain.compose.findings import Code, FieldError, FindingCollector, quote
from domain.compose.values import ScalarValue

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 63


class Volumes:
    """Collect the volumes that the services of one text use."""

    def __init__(self, declared: frozenset[str], findings: FindingCollector) -> None:
        self._declared = declared
        self._findings = findings
        self.undeclared: dict[str, None] = {}
        self.paths: dict[str, str] = {}

    def use(self, name: str, value: ScalarValue) -> str:
        """Return the name of a volume. An undeclared one declares itself, with a warning."""
        if not is_volume_name(name):
            message = f"{quote(value.raw)} is not a volume: write `name:/path`, `./directory:/path` or the long form."
            raise FieldError(Code.BAD_VALUE, message, value.location)
        if name not in self._declared and name not in self.undeclared:
            raw = quote(value.raw.partition(":")[0])
            message = f"The volume {raw} is not declared, so the panel creates it. Declare it under `volumes`."
            self._findings.warn(Code.UNKNOWN_VOLUME, message, value.location)
            self.undeclared[name] = None
        return name

    def for_directory(self, path: str) -> str:
        """Return the volume that stands for a directory beside the text. Services with the same path share it."""
        path = normalize(path)
        name = _name(".", () if path == "." else tuple(path.split("/")))
        self.paths[name] = path if path.startswith("..") else f"./{path}".removesuffix("/.")
        return name

    def for_anonymous(self, service: str, path: str) -> str:
        """Return the volume of one service for a path in its container."""
        name = anonymous_volume(service, path)
        self.paths[name] = path
        return name


def anonymous_volume(service: str, path: str) -> str:
    """Return the name of the volume that a service has for a path in its container, without naming it."""
    return _name("_", (service, *path.strip("/").split("/")))


def is_volume_name(name: str) -> bool:
    """Return whether a volume can have this name."""
    return bool(_NAME.fullmatch(name))


def _name(prefix: str, segments: tuple[str, ...]) -> str:
    """Join the segments of a path to a name: `./data/db` is `.data.db`.

    Different paths have different names, and names of declared volumes start with a letter or digit: a change
    elsewhere in the text never gives a path another volume. Segments with other characters add a hash.
    """
    name = prefix + ".".join(segments)
    plain = all(_PLAIN_SEGMENT.fullmatch(segment) for segment in segments)
    if plain and 1 < len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256("/".join(segments).encode()).hexdigest()[:12]
    return f"{re.sub('[^A-Za-z0-9_.-]+', '-', name)[: _LONGEST - 13]}-{digest}"
