"""Findings about a compose text: what is wrong or translated, where, and what to write instead."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeVar

T = TypeVar("T")
V = TypeVar("V")
Severity = Literal["error", "warning"]

MOST_FINDINGS = 100


class Code(StrEnum):
    """The closed list of codes. `meaning` documents a code."""

    meaning: str

    def __new__(cls, word: str, meaning: str) -> "Code":
        """Store the meaning with the code."""
        code = str.__new__(cls, word)
        code._value_ = word
        code.meaning = meaning
        return code

    NOT_YAML = "not_yaml", "The text is not one well-formed YAML document."
    TOO_LARGE = "too_large", "The text, or what its variables make of it, exceeds the size limit."
    TOO_DEEP = "too_deep", "Maps and lists are nested too deeply."
    TOO_LONG = "too_long", "A single value exceeds 64 KiB."
    ALIAS_BOMB = "alias_bomb", "Aliases repeat so much that the text grows beyond its limit."
    RECURSIVE_ALIAS = "recursive_alias", "An alias refers to a value that contains it."
    DUPLICATE_KEY = "duplicate_key", "A map has the same key twice."
    BAD_KEY = "bad_key", "A map key is not a short plain string."
    TAG_REFUSED = "tag_refused", "The YAML tag is not supported."
    CONTROL_CHARACTER = "control_character", "A value contains NUL or another control character."
    BAD_INTERPOLATION = "bad_interpolation", "A `$` starts neither a variable nor `$$`."
    MISSING_VARIABLE = "missing_variable", "A variable has no value. An error if the text requires one (`${NAME:?}`)."
    UNUSED_VARIABLE = "unused_variable", "A warning: the text names the variable nowhere, so no container gets it."
    MISSING_FILE = "missing_file", "A file that the text uses is not given."
    WRONG_TYPE = "wrong_type", "A map, a list or a single value is expected here."
    BAD_VALUE = "bad_value", "The field does not accept this value."
    BAD_NAME = "bad_name", "A name contains characters that are not allowed, or is too long."
    BAD_IMAGE = "bad_image", "The image is not a valid reference."
    MISSING_IMAGE = "missing_image", "A service has no image."
    NO_SERVICES = "no_services", "The text has no services."
    TOO_MANY_SERVICES = "too_many_services", "The text has more services than a project may have."
    TOO_MANY_FINDINGS = "too_many_findings", "Only the first findings are listed."
    UNKNOWN_FIELD = "unknown_field", "Compose has no such field. Check the spelling."
    UNSUPPORTED_FIELD = "unsupported_field", "The panel does not support this field of compose."
    UNKNOWN_SERVICE = "unknown_service", "A service is named that the text does not define."
    UNKNOWN_VOLUME = "unknown_volume", "A warning: the top-level `volumes` does not declare the volume. It is created."
    UNKNOWN_NETWORK = "unknown_network", "A network is used that the top-level `networks` does not declare."
    UNKNOWN_CONFIG = "unknown_config", "The top-level `configs` or `secrets` does not declare what a service uses."
    CYCLE = "cycle", "Services depend on each other in a cycle."
    DUPLICATE_MOUNT = "duplicate_mount", "Two mounts of a service have the same path."
    RESERVED_LABEL = "reserved_label", "A warning: labels for the panel, the engine or a proxy are left out."
    TRANSLATED = "translated", "A warning: the field is accepted, with another meaning than in compose."
    NOT_KEPT = "not_kept", "A warning: the field, or a part of it, has no effect."
    PRIVILEGED_REFUSED = "privileged_refused", "Privileged containers are refused."
    CAPABILITY_REFUSED = "capability_refused", "Only capabilities that Docker grants by default can be added."
    DEVICE_REFUSED = "device_refused", "Devices of the host are refused."
    HOST_NAMESPACE_REFUSED = "host_namespace_refused", "Namespaces of the host or of others are refused."
    SECURITY_OPT_REFUSED = "security_opt_refused", "The panel sets the security options."
    SYSCTL_REFUSED = "sysctl_refused", "Only kernel parameters of the container's own namespaces can be set."
    CGROUP_REFUSED = "cgroup_refused", "The panel chooses the control groups."
    RUNTIME_REFUSED = "runtime_refused", "The panel chooses the container runtime."
    DOCKER_SOCKET_REFUSED = "docker_socket_refused", "The engine's socket cannot be mounted."
    HOST_MOUNT_REFUSED = "host_mount_refused", "Directories and files of the host cannot be mounted."
    VOLUME_DRIVER_REFUSED = "volume_driver_refused", "Volume drivers and their options are refused."
    EXTERNAL_REFUSED = "external_refused", "Volumes, networks, configs and secrets outside the project cannot be used."
    SECRET_FILE_REFUSED = "secret_file_refused", "`secrets` and `configs` cannot read files of the host."
    ENV_FILE_REFUSED = "env_file_refused", "`env_file` and `label_file` cannot read files of the host."
    INCLUDE_REFUSED = "include_refused", "Compose files that are not given cannot be included."
    EXTENDS_REFUSED = "extends_refused", "Services of files that are not given cannot be extended."
    BUILD_REFUSED = "build_refused", "Images cannot be built from a compose text."
    LINKS_REFUSED = "links_refused", "Links to containers outside the project are refused."
    VOLUMES_FROM_REFUSED = "volumes_from_refused", "`volumes_from` names a container that is not a service of the text."


CODES: dict[str, str] = {code.value: code.meaning for code in Code}


@dataclass(frozen=True, slots=True)
class Location:
    """A position in the text: the line, and the path through the document after aliases are resolved."""

    line: int
    path: tuple[str, ...] = ()

    @property
    def pointer(self) -> str:
        """Return the path as a JSON pointer (RFC 6901)."""
        return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in self.path)

    def child(self, step: str | int, line: int) -> "Location":
        """Return the location of a child."""
        return Location(line, (*self.path, str(step)))


@dataclass(frozen=True)
class Finding:
    """One problem or translation. The message never contains the value of a variable."""

    code: Code
    message: str
    line: int
    pointer: str
    severity: Severity = "error"


class FieldError(Exception):
    """A value is not usable. `FindingCollector.attempt` turns the exception into a finding, and reading continues."""

    def __init__(self, code: Code, message: str, location: Location) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.location = location


class AlreadyReportedError(Exception):
    """A value is not usable, and a finding about it exists already."""


class UnreadableTextError(FieldError):
    """The text cannot be read any further."""


class TooManyErrors(Exception):  # noqa: N818 - it ends the check, it is no error of its own
    """The text has more errors than are listed; reading it further would only cost time."""


class FindingCollector:
    """Collect findings while a text is read, so that one check returns all of them."""

    def __init__(self) -> None:
        self._findings: dict[tuple[Code, str, str], Finding] = {}
        self._counts: Counter[Severity] = Counter()

    def add(self, code: Code, message: str, location: Location, severity: Severity = "error") -> None:
        """Note once what several readers may find at the same location."""
        finding = Finding(code, message, location.line, location.pointer, severity)
        key = (finding.code, finding.pointer, finding.message)
        if key in self._findings:
            return
        self._counts[severity] += 1
        if self._counts[severity] > MOST_FINDINGS:
            message = f"There are more than {MOST_FINDINGS} {severity}s. Change these, then check again."
            finding = Finding(Code.TOO_MANY_FINDINGS, message, 1, "", severity)
            key = (finding.code, finding.pointer, finding.message)
        self._findings[key] = finding
        if finding.code == Code.TOO_MANY_FINDINGS and severity == "error":
            raise TooManyErrors

    def warn(self, code: Code, message: str, location: Location) -> None:
        """Add a warning: the text is accepted, but the author should know this."""
        self.add(code, message, location, "warning")

    def attempt(self, read: Callable[[V], T], value: V) -> T | None:
        """Return `read(value)`, or None after adding the finding that it raised."""
        try:
            return read(value)
        except FieldError as error:
            self.add(error.code, error.message, error.location)
        except AlreadyReportedError:
            pass
        return None

    def attempt_all(self, read: Callable[[V], T], values: "tuple[V, ...]") -> tuple[T, ...]:
        """Return `read(value)` for each value, without those that ended in a finding."""
        results = (self.attempt(read, value) for value in values)
        return tuple(result for result in results if result is not None)

    def ordered(self) -> tuple[Finding, ...]:
        """Return the findings in the order of the text."""
        return tuple(sorted(self._findings.values(), key=lambda finding: (finding.line, finding.pointer, finding.code)))


def quote(text: str) -> str:
    """Quote a part of the text for a message: short, on one line, without terminal control characters."""
    safe = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:41])
    return f"`{safe[:40]}…`" if len(text) > 40 else f"`{safe}`"
