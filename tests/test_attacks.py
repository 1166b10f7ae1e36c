"""What the panel must survive stands in attacks.csv, with the tests that show it: each of them exists."""

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
with (Path(__file__).parent / "attacks.csv").open(newline="") as table:
    ROWS = list(csv.DictReader(table))


@pytest.mark.parametrize("file", sorted({row["test"].partition("::")[0] for row in ROWS}))
def test_every_test_that_is_named_for_an_attack_exists(file: str) -> None:
    there = set(re.findall(r"^(?:async )?def (test_\w+)", (ROOT / file).read_text(), re.MULTILINE))
    assert {row["test"].partition("::")[2] for row in ROWS if row["test"].startswith(f"{file}::")} <= there


def test_attacks_stand_together_by_area_and_name_no_test_twice() -> None:
    areas = list(dict.fromkeys(row["area"] for row in ROWS))
    assert [row["area"] for row in ROWS] == sorted((row["area"] for row in ROWS), key=areas.index)
    assert len({(row["attack"], row["test"]) for row in ROWS}) == len(ROWS)
