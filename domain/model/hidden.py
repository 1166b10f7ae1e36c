"""Fields whose values the audit record does not show: secrets, and what only the panel's staff may read."""

from typing import Any, Final

HIDDEN: Final[dict[str, Any]] = {"hidden": True}
"""The metadata of such a field: `field(metadata=HIDDEN)`. A change of it is recorded without its value."""
