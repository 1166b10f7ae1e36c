"""Identifiers that sort by time."""

from ulid import ULID


def new_id(prefix: str, after: str = "") -> str:
    """Return an identifier that sorts by the time at which it was made, such as `svc_01k9…`.

    It sorts behind `after`, an earlier identifier with the same prefix, even if the clock has been set back since.
    """
    made = f"{prefix}_{str(ULID()).lower()}"
    return made if made > after else f"{prefix}_{_next(after.removeprefix(f'{prefix}_'))}"


def _next(text: str) -> str:
    number = int.from_bytes(ULID.from_str(text).bytes) + 1
    return str(ULID.from_bytes(number.to_bytes(16))).lower()
