"""The limit for what a text copies from given files and variables into its services."""

from domain.compose.findings import Code, FieldError, Location

MOST_COPIED = 8 * 1024 * 1024
# What a copied file or variable costs besides its text, so that many empty ones are limited too.
_OVERHEAD = 512


class Budget:
    """Count the characters that are copied during one check."""

    def __init__(self) -> None:
        self._room = MOST_COPIED

    def spend(self, characters: int, location: Location) -> None:
        """Count one copied text. Raise FieldError once the limit is exceeded."""
        self._room -= characters + _OVERHEAD
        if self._room < 0:
            message = "The services use too much of the given files and variables. Name fewer of them."
            raise FieldError(Code.TOO_LARGE, message, location)
