"""What the panel is installed with: libraries of one version each, whose bytes are known beforehand."""

import configparser
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
_HASHES = re.compile(r"(?: \\\n    --hash=sha256:[0-9a-f]{64})+\s*")


def _locked(name: str) -> dict[str, Requirement]:
    """What scripts/install takes, by name; each line must have its hashes."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "scripts" / "locked" / f"{name}.txt").read_text(), flags=re.MULTILINE)
    told = [entry for entry in re.split(r"\n(?=\S)", text) if entry.strip()]
    found = {}
    for entry in told:
        asked = entry.partition(" \\\n")[0]
        assert _HASHES.fullmatch(entry.removeprefix(asked)), entry
        found[canonicalize_name(Requirement(asked).name)] = Requirement(asked)
    return found


def _wanted(*sections: tuple[str, str]) -> list[Requirement]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return [Requirement(line) for section, key in sections for line in config[section][key].split("\n") if line]


def _built_with() -> list[Requirement]:
    return [
        Requirement(require)
        for require in tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    ]


PANEL, TEST = ("options", "install_requires"), ("options.extras_require", "test")


@pytest.mark.parametrize(("name", "sections"), [("panel", [PANEL]), ("test", [PANEL, TEST])])
def test_whatever_is_asked_for_is_locked_by_version_and_hash(name: str, sections: list[tuple[str, str]]) -> None:
    locked = _locked(name)
    for wanted in (*_wanted(*sections), *_built_with()):
        found = locked[canonicalize_name(wanted.name)]
        [pinned] = found.specifier
        assert pinned.operator == "=="
        assert wanted.specifier.contains(pinned.version), f"run scripts/lock: {wanted} is locked as {found}"


def test_the_panel_runs_with_what_its_tests_ran_with() -> None:
    tested, panel = _locked("test"), _locked("panel")
    assert {name: one.specifier for name, one in panel.items()} == {name: tested[name].specifier for name in panel}
    for name, one in tested.items():
        if one.marker is None or one.marker.evaluate():
            assert one.specifier.contains(version(name)), f"{name} is not the one that is locked; run scripts/install"


def test_nothing_is_installed_that_is_not_locked() -> None:
    script = (ROOT / "scripts" / "install").read_text()
    assert re.findall(r"^\s*(pip .*)$", script, re.MULTILINE) == [
        'pip --require-hashes --requirement "scripts/locked/$locked.txt"',
        "pip --no-deps --no-build-isolation --editable .",
    ]
    assert script.count("pip install") == 1, "that of the function"
