"""The files that are given with a compose text: paths relative to the text, as `./nginx.conf`."""

import posixpath
import re
from collections.abc import Mapping

from domain.compose.findings import Code, FieldError, Location, UnreadableTextError, quote
from domain.compose.values import ScalarValue

MOST_FILE_BYTES = 1024 * 1024
MOST_FILES = 200
_KINDS = (
    r"acl|bash|bashrc|cert|cfg|cnf|conf|config|crt|css|csr|csv|db|dtd|env|hcl|html?|ini|jks|m?js|json|key|ldif|list|lua"
    r"|md|p12|pass|password|pem|pfx|php|pl|properties|ps1|pub|py|rb|rc|repo|rules|secret|service|sh|sock|sql|sqlite3?"
    r"|template|tftpl|tmpl|token|toml|tpl|ts|txt|vcl|xml|xsd|ya?ml|zone"
)
_FILE = re.compile(
    rf".*\.(?:{_KINDS})|\.(?:env|htpasswd|npmrc|pgpass|netrc)(?:\..*)?|[A-Z][a-z]+file|htpasswd|crontab|passwd|hosts"
)


class GivenFiles:
    """Look up the given files by relative path."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self._files = {
            normalize(path): content.encode(errors="replace") if isinstance(content, str) else content
            for path, content in files.items()
        }

    def check_size(self) -> None:
        """Raise UnreadableTextError if there are too many files, or if they are too large together."""
        if len(self._files) > MOST_FILES:
            message = f"There are {len(self._files)} files. The maximum is {MOST_FILES}."
            raise UnreadableTextError(Code.TOO_LARGE, message, Location(1))
        if sum(len(content) for content in self._files.values()) > MOST_FILE_BYTES:
            message = f"The files are too large. The maximum is {MOST_FILE_BYTES // 1024} KiB in total."
            raise UnreadableTextError(Code.TOO_LARGE, message, Location(1))

    def get(self, path: str) -> bytes | None:
        """Return the content of a file, or None."""
        return self._files.get(normalize(path))

    def text(self, path: ScalarValue) -> str | None:
        """Return the content of a text file, or None. Raise FieldError if it is not encoded in UTF-8."""
        content = self.get(path.text)
        try:
            return None if content is None else content.decode()
        except UnicodeDecodeError:
            message = f"The file {quote(path.raw)} is not a text in UTF-8."
            raise FieldError(Code.BAD_VALUE, message, path.location) from None

    def within(self, directory: str) -> dict[str, bytes]:
        """Return the files in a directory and below: path relative to the directory → content."""
        directory = normalize(directory)
        prefix = "" if directory == "." else directory + "/"
        return {path[len(prefix) :]: content for path, content in self._files.items() if path.startswith(prefix)}


def normalize(path: str) -> str:
    """Return a relative path without `./` and `x/..`, so that equal paths are equal strings."""
    return posixpath.normpath(path)


def is_host_path(path: str) -> bool:
    """Return whether a path leads to the host: absolute, of a home directory, or of Windows."""
    return path.startswith(("/", "~", "\\")) or bool(re.match(r"[A-Za-z]:[\\/]", path))


def looks_like_file(path: str) -> bool:
    """Guess by the name whether a path is a file, and not a directory."""
    return not path.endswith("/") and bool(_FILE.fullmatch(posixpath.basename(path)[:255]))


def missing_file(quoted: str, advice: str, location: Location) -> FieldError:
    """Make the error for a file that the text uses and that is not given."""
    return FieldError(Code.MISSING_FILE, f"The file {quoted} is not given. {advice}", location)
