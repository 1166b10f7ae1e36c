"""Print the breaking changes of the document that CHANGELOG.md does not announce, and fail if there are any.

`oasdiff breaking --format json OLD NEW | python3 unannounced.py CHANGELOG.md VERSION`. The section of VERSION announces
a change with a line that contains oasdiff's ID of the change in backticks, and the operationIds in backticks; without
any operationId, the line announces the change for all operations.
"""

import json
import re
import sys
from pathlib import Path


def unannounced(changes: list[dict[str, str]], changelog: str, version: str) -> list[str]:
    """Return a line for each breaking change that the section of the version does not announce."""
    announced = [set(re.findall(r"`([^`]+)`", line)) for line in _section(changelog, version)]
    return [
        f"{change['operationId']}: {change['text']} (`{change['id']}`)"
        for change in changes
        if not any(_covers(names, change) for names in announced)
    ]


def _section(changelog: str, version: str) -> list[str]:
    """Return the list items of a version, each as one line."""
    sections = dict(re.findall(r"^## (\S+)[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL))
    return re.sub(r"\n +", " ", sections.get(version, "")).splitlines()


def _covers(names: set[str], change: dict[str, str]) -> bool:
    """Return whether a line announces a change: oasdiff's IDs have hyphens, operationIds have underscores."""
    operations = {name for name in names if re.fullmatch(r"[a-z]+(_[a-z]+)+", name)}
    return change["id"] in names and (not operations or change["operationId"] in operations)


def main(changelog: str, version: str) -> int:
    """Read the changes from the standard input."""
    lines = unannounced(json.load(sys.stdin), Path(changelog).read_text(), version)
    if lines:
        print(*lines, f"Announce these breaking changes in the section {version} of {changelog}.", sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
