"""Turns what containers print into text that is safe to show: limited in length, without control sequences."""

import re

from domain.model.masking import CUT

MAX_CHARACTERS = 8192
# A character has at most four bytes, so that the rest of a longer line cannot be shown anyway.
MAX_BYTES = 4 * MAX_CHARACTERS
# Escape sequences that move a terminal's cursor, or set its colours or its title.
ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def safe_text(line: bytes) -> str:
    """Decode a line, replace invalid UTF-8, and remove control characters. A line that is too long ends in "…"."""
    text = line[:MAX_BYTES].decode(errors="replace")
    if not text.isprintable():  # nearly all lines are printable, and this check is fast
        text = CONTROL_CHARACTER.sub("", ESCAPE_SEQUENCE.sub("", text))
    if len(text) <= MAX_CHARACTERS and len(line) <= MAX_BYTES:
        return text
    return text[: MAX_CHARACTERS - 1] + CUT


def safe_block(output: bytes) -> str:
    """Decode output of several lines as `safe_text` decodes one, of any length."""
    lines = output.decode(errors="replace").split("\n")
    return "\n".join(CONTROL_CHARACTER.sub("", ESCAPE_SEQUENCE.sub("", line)) for line in lines)
