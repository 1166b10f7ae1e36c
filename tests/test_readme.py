"""README.md names only what is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def mapped() -> list[str]:
    """Every path in the map of the house."""
    found, folder = [], ""
    for line in README.partition("## The map of the house")[2].split("```")[1].strip().splitlines():
        names = line.strip().split("  ")[0].removesuffix(" …").split()
        if not line.startswith(" "):
            folder = names[0]
        found += [folder + name if line.startswith(" ") else name for name in names if not name.startswith("<")]
    return found


def test_the_map_of_the_house_leads_to_places_that_exist():
    assert len(mapped()) > 20
    assert [path for path in mapped() if not (ROOT / path).exists()] == []


def test_every_script_that_is_named_can_be_run():
    named = set(re.findall(r"scripts/[a-z]+", README))
    assert {"scripts/demo", "scripts/test"} <= named
    assert [script for script in named if not (ROOT / script).stat().st_mode & 0o111] == []
