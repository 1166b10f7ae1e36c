"""What containers print, made safe to show: no line too long, no terminal commands, nothing that JSON cannot carry."""

import re

LONGEST = 8192
# Sequences that move a terminal's cursor, set its colours or its title.
TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def lines(printed: bytes, tail: int) -> list[str]:
    """The last `tail` lines of text."""
    text = printed.decode(errors="replace").split("\n")
    if text and not text[-1]:
        text.pop()
    return [_shown(line) for line in text[-tail:]] if tail > 0 else []


def _shown(line: str) -> str:
    shown = CONTROL.sub("", TERMINAL.sub("", line[: 2 * LONGEST]))
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
