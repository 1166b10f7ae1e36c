"""What a Dockerfile makes the engine fetch. The engine fetches with the host's network, so only registries that callers
may name are allowed, and they are asked by the panel before the build.

Dockerfiles are read as the engine reads them. Where the two could differ, the Dockerfile is refused.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import NamedTuple

from domain.work.failures import TaskFailed

_LEADING = re.compile(r"\s*(?:#|//)")
_DIRECTIVE = re.compile(r"\s*(?:#|//)\s*(\w+)\s*=\s*(\S*)\s*$")
_FRONTEND = re.compile(r"(docker\.io/)?docker/dockerfile(:[\w.-]+)?(@sha256:[0-9a-f]{64})?", re.ASCII)
_ODD_HEREDOC = re.compile(r"<<-?\s*\S*[\\`]")
_REMOTE = re.compile(r"://|\$|@\S*:")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^${}]*))?\})", re.ASCII)
_MOST_IMAGES = 50


class BaseImage(NamedTuple):
    """An image that the build starts from or copies from, and the platform that the Dockerfile asks for."""

    reference: str
    platform: str | None


def base_images(text: str, arguments: Mapping[str, str]) -> tuple[BaseImage, ...]:
    """Return the images that a Dockerfile names, each once, with the build arguments in place.

    Raise TaskFailed (`policy_refused`) if it fetches anything else, or if an image depends on what is not known here.
    """
    _require_usual_directives(text)
    reading = _Reading(arguments)
    for instruction in _instructions(text):
        reading.take(instruction)
    if len(reading.images) > _MOST_IMAGES:
        raise _refused(f"it names more than {_MOST_IMAGES} images")
    return tuple(reading.images)


def _refused(why: str) -> TaskFailed:
    return TaskFailed("policy_refused", f"The Dockerfile is not built: {why}")


def _require_usual_directives(text: str) -> None:
    """Raise TaskFailed if an image of its own reads the Dockerfile, or if it has another escape character."""
    if text.lstrip().startswith("{"):
        raise _refused("it is a JSON text")
    for line in takewhile(lambda line: not line.strip() or _LEADING.match(line), text.split("\n")):
        found = _DIRECTIVE.match(line)
        name, value = (found[1].lower(), found[2]) if found else ("", "")
        if name == "syntax" and not _FRONTEND.fullmatch(value):
            raise _refused(f"syntax={value} is not docker/dockerfile")
        if name == "escape" and value != "\\":
            raise _refused(f"escape={value} is not \\")


def _instructions(text: str) -> Iterator[str]:
    """Yield instructions with their continuation lines joined. Lines of here-documents are taken for instructions."""
    joined = ""
    for line in text.split("\n"):
        if _ODD_HEREDOC.search(line):
            raise _refused("the name of a here-document has an escape character")
        if line.lstrip().startswith("#") or (joined and not line.strip()):
            continue
        stripped = line.rstrip()
        joined += stripped.removesuffix("\\")
        if not stripped.endswith("\\"):
            yield joined.strip()
            joined = ""
    yield joined.strip()


@dataclass
class _Reading:
    """What was read so far: images, stages, and the arguments that stand before the first stage."""

    arguments: Mapping[str, str]
    images: dict[BaseImage, None] = field(default_factory=dict)
    _stages: list[str] = field(default_factory=list)
    _known: dict[str, str] = field(default_factory=dict)

    def take(self, instruction: str) -> None:
        """Read the next instruction."""
        name, _, rest = instruction.partition(" ") if " " in instruction else instruction.partition("\t")
        readers = {"FROM": self._from, "ARG": self._arg, "ADD": self._add, "COPY": self._copy, "RUN": self._run}
        name, rest = name.strip().upper(), rest.strip()
        if name == "ONBUILD":
            self.take(rest)
        elif name in readers:
            readers[name](rest)

    def _from(self, rest: str) -> None:
        words = _plain(rest).split()
        flags = [word for word in words if word.startswith("--")]
        names = [word for word in words if not word.startswith("--")]
        reference = self._substitute(names[0]) if names else ""
        platform = next((flag.removeprefix("--platform=") for flag in flags if flag.startswith("--platform=")), None)
        self._add_image(reference, None if platform and "$" in platform else platform)
        self._stages.append(names[2].lower() if len(names) > 2 and names[1].lower() == "as" else "")

    def _arg(self, rest: str) -> None:
        if not self._stages:
            for word in _plain(rest).split():
                name, given, default = word.partition("=")
                value = self.arguments.get(name, self._substitute(default) if given else None)
                self._known |= {} if value is None else {name: value}

    def _add(self, rest: str) -> None:
        if any(_REMOTE.search(_plain(form)) for form in (rest, *_json_words(rest))):
            raise _refused(f"ADD {rest[:100]}: use COPY for files of the repository, and RUN to download others")
        self._copy(rest)

    def _copy(self, rest: str) -> None:
        for flag in _flags(rest):
            if flag.startswith("--from="):
                self._add_source(flag.removeprefix("--from="))

    def _run(self, rest: str) -> None:
        for flag in _flags(rest):
            if flag in ("--network=host", "--security=insecure"):
                raise _refused(f"RUN {flag} gives power over the host")
            for option in flag.removeprefix("--mount=").split(",") if flag.startswith("--mount=") else ():
                if option.lower().startswith("from="):
                    self._add_source(option[5:])

    def _add_source(self, source: str) -> None:
        if "$" in source:
            raise _refused(f"from={source} is not known before the build")
        if not source.isdigit():
            self._add_image(source, None)

    def _add_image(self, reference: str, platform: str | None) -> None:
        if reference.lower() not in {"scratch", *self._stages}:
            self.images[BaseImage(reference, platform)] = None

    def _substitute(self, text: str) -> str:
        filled = _VARIABLE.sub(self._value, text)
        if "$" in filled:
            raise _refused(f"the value of {text} is not known before the build; give a build argument")
        return filled

    def _value(self, found: re.Match[str]) -> str:
        value, operator, other = self._known.get(found[1] or found[2]), found[3], found[4] or ""
        is_set = bool(value) if operator and operator.startswith(":") else value is not None
        if operator and operator.endswith("+"):
            return other if is_set else ""
        return (value or "") if is_set else (other if operator else "$")


def _plain(text: str) -> str:
    """Return a text without quotes and escape characters, which the engine removes."""
    return re.sub(r"[\\`\"']", "", text)


def _flags(rest: str) -> Iterator[str]:
    for word in _plain(rest).split():
        if not word.startswith("--"):
            return
        yield word


def _json_words(rest: str) -> list[str]:
    """Return the words of an instruction in the form of a JSON list."""
    start = rest.find("[")
    try:
        words = json.loads(rest[start:]) if start >= 0 else []
    except (ValueError, RecursionError):
        return []
    return [str(word) for word in words]
