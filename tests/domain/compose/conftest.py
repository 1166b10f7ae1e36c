"""Short ways to check one field of one service."""

import textwrap
from collections.abc import Callable

import pytest

from domain.compose import CheckResult, check
from domain.model.project import Component

HEAD = "services:\n  web:\n    image: nginx\n"
TAIL = "  db:\n    image: postgres\nvolumes:\n  data:\nnetworks:\n  back:\n"


def checked_field(field: str, **variables: str) -> CheckResult:
    """The service `web` with this field, which begins in line 4; beside it are `db`, `data` and `back`."""
    return check(HEAD + textwrap.indent(textwrap.dedent(field).strip("\n"), "    ") + "\n" + TAIL, variables)


@pytest.fixture
def field() -> Callable[..., CheckResult]:
    """Check one field."""
    return checked_field


@pytest.fixture
def web() -> Callable[..., Component]:
    """The component that one field makes of the service `web`."""

    def read(field: str, **variables: str) -> Component:
        checked = checked_field(field, **variables)
        assert checked.findings == ()
        assert checked.project
        component = checked.project.component("web")
        assert component
        return component

    return read
