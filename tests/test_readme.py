"""README.md names only files that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def listed_paths() -> list[str]:
    """Return every path in the repository layout."""
    paths, folder = [], ""
    for line in README.partition("## Repository layout")[2].split("```")[1].strip().splitlines():
        names = line.strip().split("  ")[0].removesuffix(" …").split()
        if not line.startswith(" "):
            folder = names[0]
        paths += [folder + name if line.startswith(" ") else name for name in names if not name.startswith("<")]
    return paths


def test_the_repository_layout_lists_paths_that_exist():
    assert len(listed_paths()) > 20
    assert [path for path in listed_paths() if not (ROOT / path).exists()] == []


def test_every_named_script_is_executable():
    named = set(re.findall(r"scripts/[a-z][a-z-]*[a-z]", README))
    assert {"scripts/demo", "scripts/test"} <= named
    assert [script for script in named if not (ROOT / script).stat().st_mode & 0o111] == []
