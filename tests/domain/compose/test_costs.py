"""The worst texts of the allowed size: none takes more than a moment of processor time."""

from time import process_time

import pytest

from domain.compose import check
from domain.compose.files import MOST_FILE_BYTES, MOST_FILES

# A quiet machine needs at most 0.3 seconds; the test allows for a busy one.
MOST_SECONDS = 1.5
WEB = "services: {{web: {{image: x, {}}}}}"


def repeated(field: str, item: str, times: int = 9900) -> str:
    return WEB.format(f"{field}: [" + ",".join(item.format(number) for number in range(1, times + 1)) + "]")


def services(line: str) -> str:
    return "services:\n" + "".join(f"  s{number}: {{image: x, {line}}}\n" for number in range(50))


MANY_FILES = {f"d/f{number}": "" for number in range(MOST_FILES)}
LINES = "".join(f"A{number}=$V{number}\n" for number in range(70_000))
WORST = {
    "environment": (repeated("environment", "A{}=b"), {}, {}),
    "unset variables": (repeated("environment", "A{}"), {}, {}),
    "variables in a value": (WEB.format("command: '" + "$A" * 30_000 + "'"), {}, {}),
    "nested defaults": (repeated("command", "'" + "${{A:-" * 7 + "}}" * 7 + "'", 5000), {}, {}),
    "port ranges": (repeated("ports", "'{}-65535'"), {}, {}),
    "bind mounts": (repeated("volumes", "./a.{0}:/a{0}"), {}, {}),
    "bind mounts of given files": (repeated("volumes", "./d:/a{}"), {}, MANY_FILES),
    "undeclared volumes": (repeated("volumes", "v{0}:/a{0}"), {}, {}),
    "links": (repeated("links", "'web:a{}'"), {}, {}),
    "unknown fields": (WEB.format(",".join(f"fxield{number}: 1" for number in range(4900))), {}, {}),
    "long unknown fields": (WEB.format(",".join(f"f{number}{'y' * 240}: 1" for number in range(1000))), {}, {}),
    "a large env file": (WEB.format("env_file: [a]"), {}, {"a": LINES[:MOST_FILE_BYTES]}),
    "an env file of quotes": (WEB.format("env_file: [a]"), {}, {"a": 'A="\n' * 200_000}),
    "an env file many times": (services("env_file: [" + "a," * 20 + "]"), {}, {"a": "A=b\n" * 4000}),
    "a chain of extends": (
        "services:\n  s0: {image: x, environment: ["
        + "A, " * 4000
        + "]}\n"
        + "".join(f"  s{number}: {{extends: s{number - 1}}}\n" for number in range(1, 50)),
        {},
        {},
    ),
    "an include many times": ("include: [" + "a, " * 9000 + "]", {}, {"a": "services: {" + "a: {}, " * 900 + "}"}),
    "all variables many times": (
        services("env_file: [" + ".env," * 20 + "]"),
        {f"A{n}": "x" * 200 for n in range(500)},
        {},
    ),
    "a large config many times": (
        services("configs: [c]") + "configs: {c: {file: f}}",
        {},
        {"f": "x" * MOST_FILE_BYTES},
    ),
}


@pytest.mark.parametrize(("text", "variables", "files"), WORST.values(), ids=WORST.keys())
def test_the_worst_texts_of_the_allowed_size_take_little_time(
    text: str, variables: dict[str, str], files: dict[str, str]
):
    start = process_time()
    check(text, variables, files)
    assert process_time() - start < MOST_SECONDS


@pytest.mark.parametrize("text", [repeated("volumes", "./d:/a{}"), services("volumes: ['./d:/a']")])
def test_given_files_cannot_be_copied_without_a_limit(text: str):
    checked = check(text, {}, {f"d/f{number}": "x" * 5000 for number in range(MOST_FILES)})
    assert "too_large" in {found.code for found in checked.findings}


def test_the_number_of_given_files_is_limited():
    checked = check("services: {web: {image: x}}", {}, {f"f{number}": "" for number in range(MOST_FILES + 1)})
    assert [found.code for found in checked.findings] == ["too_large"]
