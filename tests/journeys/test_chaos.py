"""A short chaos run; `scripts/chaos` runs longer ones."""

import subprocess

import pytest

from tests.chaos.servers import SCRIPTS


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.timeout(400)
def test_nothing_is_lost_when_parts_of_the_panel_are_killed_while_they_work() -> None:
    campaign = [SCRIPTS / "chaos", "--seconds", "20", "--seed", "5"]
    result = subprocess.run(campaign, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert result.returncode == 0, result.stdout
