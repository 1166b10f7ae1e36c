"""What was looked into, and what was found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A sentence that should be true, and what speaks against it."""

    sentence: str
    wrong: tuple[str, ...]
