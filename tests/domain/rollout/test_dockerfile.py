"""Which images a Dockerfile names, and what the engine would fetch that the panel cannot check."""

import pytest

from domain.rollout.dockerfile import base_images
from domain.work.failures import TaskFailed


def images(text: str, **arguments: str) -> list[str]:
    return [image.reference for image in base_images(text, arguments)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM shop/web:1", ["shop/web:1"]),
        ("  from   shop/web:1  as  Web\nFROM web\nFROM scratch", ["shop/web:1"]),
        ("# comment\n\nFROM \\\n  # inside\n\n  shop/web:1", ["shop/web:1"]),
        ("FROM --platform=linux/arm64 shop/web:1\r\nRUN x\r\n", ["shop/web:1"]),
        ("FROM a\nFROM a\nCOPY --from=0 /x /y\nCOPY --from=b:1 /x /y", ["a", "b:1"]),
        ("FROM a AS first\nCOPY --from=first --chown=1 /x /y\nCOPY --chown=1 --from=other /x /y", ["a", "other"]),
        ("FROM a\nRUN --mount=type=bind,from=tools:1,target=/t --mount=type=cache,target=/c make", ["a", "tools:1"]),
        ("FROM a\nRUN echo --mount=from=no --from=no\nCOPY x --from=no", ["a"]),
        ('FROM "a"\nADD ["file", "/x"]', ["a"]),
        ("# syntax=docker/dockerfile:1\nFROM a", ["a"]),
        ("FROM a\nRUN <<EOF\necho x\nEOF\nCOPY --from=b /x /y", ["a", "b"]),
        ("FROM a\nONBUILD COPY --from=b /x /y", ["a", "b"]),
        ("FROM\ta", ["a"]),
    ],
)
def test_images_are_found_as_the_engine_reads_them(text: str, expected: list[str]):
    assert images(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ARG V=1\nFROM a:$V", "a:1"),
        ("ARG V=1 W=${V}-slim\nFROM a:${W}", "a:1-slim"),
        ("ARG G\nFROM a:$G", "a:given"),
        ("ARG G=1\nFROM a:$G", "a:given"),
        ("FROM a:${NONE:-2}", "a:2"),
        ("ARG E=\nFROM a:${E:-2}${E-3}", "a:2"),
        ("ARG V=1\nFROM a${V:+:3}", "a:3"),
    ],
)
def test_arguments_before_the_first_stage_are_put_in_place(text: str, expected: str):
    assert images(text, G="given") == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "FROM a:$NONE",
        "FROM a\nARG V=1\nFROM b:$V",
        "ARG V=1\nFROM a:${V#x}",
        "FROM a\nADD http://169.254.169.254/ /x",
        'FROM a\nADD ["http:\\u002f\\u002f10.0.0.1/", "/x"]',
        'FROM a\nADD "ht"tp:\\//10.0.0.1/ /x',
        "FROM a\nADD $URL /x",
        "FROM a\nADD git@10.0.0.1:x.git /x",
        "FROM a\nadd \\\n http://10.0.0.1/ /x",
        "FROM a\nONBUILD ADD http://10.0.0.1/ /x",
        "FROM a\nCOPY --from=$X /x /y",
        "FROM a\nRUN --mount=type=bind,from=$X,target=/x y",
        "FROM a\nRUN --network=host x",
        "FROM a\nRUN --security=insecure x",
        "# syntax=evil/frontend\nFROM a",
        "#syntax=evil/frontend\n# syntax=docker/dockerfile:1\nFROM a",
        "// syntax=evil/frontend\nFROM a",
        '{"syntax": "evil/frontend"}',
        "# syntax=docker/dockerfile-evil\nFROM a",
        "# escape=`\nFROM a",
        "FROM a\nRUN <<'E\\'\nx\nE\\\nADD http://10.0.0.1/ /x",
        "\n".join(f"FROM a:{number}" for number in range(51)),
    ],
)
def test_what_the_panel_cannot_check_is_refused(text: str):
    with pytest.raises(TaskFailed) as failed:
        images(text)
    assert failed.value.code == "policy_refused"
    assert len(failed.value.message) < 300


def test_the_platform_of_an_image_is_kept():
    found = base_images("FROM --platform=linux/arm64 a\nFROM --platform=$BUILDPLATFORM b", {})
    assert [(image.reference, image.platform) for image in found] == [("a", "linux/arm64"), ("b", None)]


def test_a_large_dockerfile_is_read_in_short_time():
    text = "FROM a\n" + "RUN x && \\\n" * 30_000 + "y\n" + "ARG A=$A\nFROM ${A:-b}\n"
    assert images(text, A="c") == ["a", "b"]
