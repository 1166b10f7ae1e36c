"""The API key of `watch`: from the environment, because process lists show arguments."""

import re
from collections.abc import Mapping

from domain.settings import BadSetting

KEY = "PANEL_API_KEY"
_USABLE = re.compile(r"[!-~]+")


def read_key(environment: Mapping[str, str]) -> str:
    """Return the key from the environment. Raise BadSetting if it is missing or malformed."""
    key = environment.get(KEY, "").strip()
    if not key:
        raise BadSetting(
            f"{KEY} is not set: set it to a key of the panel; `ai-admin-panel create-key` prints a new one"
        )
    if not _USABLE.fullmatch(key):
        raise BadSetting(f"{KEY} is not a key: a key begins with aap_ and contains no spaces")
    return key
