"""What containers print, made safe to show: no line too long, no terminal commands, nothing that JSON cannot carry."""

import re

from domain.model.masking import CUT

LONGEST = 8192
# Of a longer line so many bytes are looked at, and no more: a character has four at most.
ENOUGH = 4 * LONGEST
# Sequences that move a terminal's cursor, set its colours or its title.
TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def shown(printed: bytes) -> str:
    """A line as text; one that was cut says so at its end."""
    text = printed[:ENOUGH].decode(errors="replace")
    if not text.isprintable():  # nearly every line is, and looking is cheap
        text = CONTROL.sub("", TERMINAL.sub("", text))
    if len(text) <= LONGEST and len(printed) <= ENOUGH:
        return text
    return text[: LONGEST - 1] + CUT
