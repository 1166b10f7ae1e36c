"""Request IDs: taken from the client, or made here."""

import re
from collections.abc import Sequence

from domain.model.identifiers import new_id

HEADER = "X-Request-Id"
SCOPE_KEY = "panel.request_id"
"""Where the ID stands in the ASGI scope of a request."""
_USABLE = re.compile("[A-Za-z0-9._-]{1,128}")


def request_id(given: Sequence[str]) -> str:
    """Return the ID that the client gives (the values of `X-Request-Id`), or a new one if that is not usable."""
    return given[0] if len(given) == 1 and _USABLE.fullmatch(given[0]) else new_id("req")
