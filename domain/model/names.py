"""Which names people can read and tell apart."""

import unicodedata

# Control characters; invisible ones that change the direction of the text or hide in it; separators of lines.
_UNSAFE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
_JOINERS = frozenset("\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")  # parts of emoji and of words in some scripts


def has_unsafe_characters(name: str) -> bool:
    """Return whether a name contains control characters or invisible ones, which let it look like another name."""
    return any(unicodedata.category(mark) in _UNSAFE and mark not in _JOINERS for mark in name)
