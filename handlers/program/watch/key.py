"""The key that a watcher shows: from the environment, since arguments stand in the list of processes."""

import re
from collections.abc import Mapping

from domain.settings import BadSetting

KEY = "PANEL_API_KEY"
_USABLE = re.compile(r"[!-~]+")


def read_key(environment: Mapping[str, str]) -> str:
    """Raise BadSetting with what to do when there is none."""
    key = environment.get(KEY, "").strip()
    if not key:
        raise BadSetting(
            f"{KEY} is not set: put a key of the panel there; `ai-admin-panel create-key` prints a new one"
        )
    if not _USABLE.fullmatch(key):
        raise BadSetting(f"{KEY} holds no key: one looks like aap_ and has no blanks in it")
    return key
