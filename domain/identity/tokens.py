"""Credentials as text: how API keys, cookies and tickets are made, what their form is, and what is kept of them.

A key is `aap_XXXXXXXX_` (what it is looked up by), a secret of more than 170 bits, and a checksum over all of that.
Cookies and tickets are 256 random bits, looked up by their digest.
"""

import hashlib
import re
import secrets
import string
import zlib

_BASE62 = string.digits + string.ascii_letters
_LOOKUP, _SECRET, _CHECKSUM = 8, 30, 6
_FORM = re.compile(f"(aap_[0-9A-Za-z]{{{_LOOKUP}}})_[0-9A-Za-z]{{{_SECRET + _CHECKSUM}}}")
_TICKET = "tkt_"
_COOKIE_FORM = re.compile("[0-9A-Za-z_-]{43}")
_TICKET_FORM = re.compile(f"{_TICKET}[0-9A-Za-z_-]{{43}}")


def new_text(prefix: str | None = None) -> str:
    """A whole key, to be shown once; with the prefix of another when that one gets a new secret."""
    stem = f"{prefix or f'aap_{_random(_LOOKUP)}'}_{_random(_SECRET)}"
    return stem + _checksum(stem)


def prefix_of(text: str) -> str | None:
    """What to look a key up by; None for what was never a key: cut short, mistyped, or something else."""
    found = _FORM.fullmatch(text)
    if found is None or _checksum(text[:-_CHECKSUM]) != text[-_CHECKSUM:]:
        return None
    return found[1]


def new_cookie() -> str:
    """What a browser shows for a session."""
    return secrets.token_urlsafe(32)


def is_cookie(text: str) -> bool:
    """Whether it has the form of one, so that the database is worth asking."""
    return _COOKIE_FORM.fullmatch(text) is not None


def new_ticket() -> str:
    """What opens one socket."""
    return _TICKET + secrets.token_urlsafe(32)


def is_ticket(text: str) -> bool:
    """Whether it has the form of one, so that the database is worth asking."""
    return _TICKET_FORM.fullmatch(text) is not None


def digest(text: str) -> str:
    """All that is kept of a secret. A quick hash is enough: no list of likely ones holds 170 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(length))


def _checksum(stem: str) -> str:
    rest, digits = zlib.crc32(stem.encode()), ""
    for _ in range(_CHECKSUM):
        rest, digit = divmod(rest, 62)
        digits = _BASE62[digit] + digits
    return digits
