"""Findings: what is wrong with a compose text, where, and what to write instead."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeVar

T = TypeVar("T")
V = TypeVar("V")
Severity = Literal["error", "warning"]

MOST_FINDINGS = 100


class Code(StrEnum):
    """The closed list of what can be found; `meaning` is the line that documents a code."""

    meaning: str

    def __new__(cls, word: str, meaning: str) -> "Code":
        """Keep the meaning beside the word."""
        code = str.__new__(cls, word)
        code._value_ = word
        code.meaning = meaning
        return code

    NOT_YAML = "not_yaml", "The text is not one well-formed YAML document."
    TOO_LARGE = "too_large", "The text, or what its variables make of it, exceeds the size limit."
    TOO_DEEP = "too_deep", "Maps and lists are nested too deeply."
    TOO_LONG = "too_long", "A single value exceeds 64 KiB."
    ALIAS_BOMB = "alias_bomb", "Aliases repeat so much that the text grows beyond its limit."
    RECURSIVE_ALIAS = "recursive_alias", "An alias stands inside the very thing that it repeats."
    DUPLICATE_KEY = "duplicate_key", "A map has the same key twice."
    BAD_KEY = "bad_key", "A key of a map is not a short plain word."
    TAG_REFUSED = "tag_refused", "YAML tags other than those of plain strings, lists and maps are refused."
    CONTROL_CHARACTER = "control_character", "A value holds NUL or another control character."
    BAD_INTERPOLATION = "bad_interpolation", "A `$` starts neither a variable nor `$$`."
    MISSING_VARIABLE = "missing_variable", "A variable has no value and no default."
    WRONG_TYPE = "wrong_type", "A map, a list or a single value is expected here."
    BAD_VALUE = "bad_value", "The value is not one that this field takes."
    BAD_NAME = "bad_name", "A name has characters or a length that names may not have."
    BAD_IMAGE = "bad_image", "The image is not a valid reference."
    MISSING_IMAGE = "missing_image", "A service has no image."
    NO_SERVICES = "no_services", "The text has no services."
    TOO_MANY_SERVICES = "too_many_services", "The text has more services than a project may have."
    TOO_MANY_FINDINGS = "too_many_findings", "Only the first findings are listed."
    UNKNOWN_FIELD = "unknown_field", "No such field exists; often a slip of the pen."
    UNSUPPORTED_FIELD = "unsupported_field", "The field exists in compose, but the panel does not take it."
    UNKNOWN_SERVICE = "unknown_service", "`depends_on` names a service that the text does not have."
    UNKNOWN_VOLUME = "unknown_volume", "A volume is used that the top-level `volumes` does not declare."
    UNKNOWN_NETWORK = "unknown_network", "A network is used that the top-level `networks` does not declare."
    CYCLE = "cycle", "Services depend on each other in a circle."
    DUPLICATE_MOUNT = "duplicate_mount", "Two mounts of a service have the same path."
    RESERVED_LABEL = "reserved_label", "The label belongs to the panel, the engine or a proxy."
    NOT_KEPT = "not_kept", "A warning: the field is taken, but a part of it has no effect."
    PRIVILEGED_REFUSED = "privileged_refused", "Privileged containers are refused."
    CAPABILITY_REFUSED = "capability_refused", "Capabilities can be dropped, never added."
    DEVICE_REFUSED = "device_refused", "Devices of the host are refused."
    HOST_NAMESPACE_REFUSED = "host_namespace_refused", "Namespaces of the host or of others are refused."
    SECURITY_OPT_REFUSED = "security_opt_refused", "Security options are set by the panel."
    SYSCTL_REFUSED = "sysctl_refused", "Kernel parameters are refused."
    CGROUP_REFUSED = "cgroup_refused", "Control groups are chosen by the panel."
    RUNTIME_REFUSED = "runtime_refused", "The container runtime is chosen by the panel."
    DOCKER_SOCKET_REFUSED = "docker_socket_refused", "The engine's socket is never reachable from a service."
    HOST_MOUNT_REFUSED = "host_mount_refused", "Folders and files of the host cannot be mounted."
    ANONYMOUS_VOLUME_REFUSED = "anonymous_volume_refused", "A volume needs a name, or its data is lost."
    VOLUME_DRIVER_REFUSED = "volume_driver_refused", "Volume drivers and their options are refused."
    EXTERNAL_REFUSED = "external_refused", "Volumes and networks of others cannot be used."
    SECRET_FILE_REFUSED = "secret_file_refused", "`secrets` and `configs` read files of the host."
    ENV_FILE_REFUSED = "env_file_refused", "Files with variables or labels are refused."
    INCLUDE_REFUSED = "include_refused", "Other compose files cannot be included."
    EXTENDS_REFUSED = "extends_refused", "Services of other files cannot be extended."
    BUILD_REFUSED = "build_refused", "Images are deployed here, not built."
    PORTS_REFUSED = "ports_refused", "Ports of the host are given out by the panel's route."
    CONTAINER_NAME_REFUSED = "container_name_refused", "Containers are named by the panel."
    LINKS_REFUSED = "links_refused", "Links to containers are refused."
    VOLUMES_FROM_REFUSED = "volumes_from_refused", "Mounts of other containers cannot be taken over."


CODES: dict[str, str] = {code.value: code.meaning for code in Code}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: its line, and its path through the document with aliases followed."""

    line: int
    path: tuple[str, ...] = ()

    @property
    def pointer(self) -> str:
        """The path as an RFC 6901 pointer."""
        return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in self.path)

    def within(self, step: str | int, line: int) -> "Place":
        """The place of a child."""
        return Place(line, (*self.path, str(step)))


@dataclass(frozen=True)
class Finding:
    """One thing to change; the message never holds the value of a variable."""

    code: Code
    message: str
    line: int
    pointer: str
    severity: Severity = "error"


class FieldError(Exception):
    """One value cannot be used; whoever reads the field turns this into a finding and reads on."""

    def __init__(self, code: Code, message: str, place: Place) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.place = place


class AlreadyFoundError(Exception):
    """The value cannot be used, and the finding that says why exists already."""


class UnreadableError(FieldError):
    """The text cannot be read any further."""


class Notes:
    """Collects findings while a text is read, so that all are told at once."""

    def __init__(self) -> None:
        self._findings: dict[tuple[Code, str, str], Finding] = {}

    def add(self, code: Code, message: str, place: Place, severity: Severity = "error") -> None:
        """Note once what several readers may find at the same place."""
        if len(self._findings) < MOST_FINDINGS:
            finding = Finding(code, message, place.line, place.pointer, severity)
        else:
            message = f"There are more than {MOST_FINDINGS} findings: change these, then check again."
            finding = Finding(Code.TOO_MANY_FINDINGS, message, 1, "")
        self._findings.setdefault((finding.code, finding.pointer, finding.message), finding)

    def attempt(self, read: Callable[[V], T], value: V) -> T | None:
        """What `read` makes of the value; None when that ended in a finding."""
        try:
            return read(value)
        except FieldError as fault:
            self.add(fault.code, fault.message, fault.place)
        except AlreadyFoundError:
            pass
        return None

    def each(self, read: Callable[[V], T], values: "tuple[V, ...]") -> tuple[T, ...]:
        """Everything that `read` can make of the values."""
        results = (self.attempt(read, value) for value in values)
        return tuple(result for result in results if result is not None)

    def all(self) -> tuple[Finding, ...]:
        """The findings in the order of the text."""
        return tuple(sorted(self._findings.values(), key=lambda finding: (finding.line, finding.pointer, finding.code)))


def shown(text: str) -> str:
    """A piece of the text fit for a message: short, on one line, nothing that a terminal would obey."""
    safe = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:41])
    return f"`{safe[:40]}…`" if len(text) > 40 else f"`{safe}`"
