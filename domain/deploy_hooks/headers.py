"""How the headers of a delivery are read."""

from collections.abc import Callable

Header = Callable[[str], str]
"""Returns the value of a header by its lower-case name, "" if the request does not have it."""
