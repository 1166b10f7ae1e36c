"""Credentials as text: how API keys, session cookies and tickets are made, their form, and the digest that is stored.

An API key is `aap_XXXXXXXX_` (the prefix that it is looked up by), a secret of more than 170 bits, and a checksum of
all that. Cookies and tickets are 256 random bits, looked up by their digest.
"""

import hashlib
import re
import secrets
import string
import zlib

_BASE62 = string.digits + string.ascii_letters
_LOOKUP, _SECRET, _CHECKSUM = 8, 30, 6
_KEY_FORM = re.compile(f"(aap_[0-9A-Za-z]{{{_LOOKUP}}})_[0-9A-Za-z]{{{_SECRET + _CHECKSUM}}}")
_TICKET = "tkt_"
_COOKIE_FORM = re.compile("[0-9A-Za-z_-]{43}")
_TICKET_FORM = re.compile(f"{_TICKET}[0-9A-Za-z_-]{{43}}")


def new_api_key(prefix: str | None = None) -> str:
    """Return the text of a new key; with `prefix`, that of a new secret for the key that has this prefix."""
    stem = f"{prefix or f'aap_{_random(_LOOKUP)}'}_{_random(_SECRET)}"
    return stem + _checksum(stem)


def prefix_of(text: str) -> str | None:
    """Return the prefix to look a key up by; None for text that was never a key, or is cut or mistyped."""
    match = _KEY_FORM.fullmatch(text)
    if match is None or _checksum(text[:-_CHECKSUM]) != text[-_CHECKSUM:]:
        return None
    return match[1]


def new_cookie() -> str:
    """Return the value of a new session's cookie."""
    return secrets.token_urlsafe(32)


def is_cookie(text: str) -> bool:
    """Return whether a text has the form of a session's cookie, so that it is worth asking the database."""
    return _COOKIE_FORM.fullmatch(text) is not None


def new_ticket() -> str:
    """Return the text of a new ticket."""
    return _TICKET + secrets.token_urlsafe(32)


def is_ticket(text: str) -> bool:
    """Return whether a text has the form of a ticket, so that it is worth asking the database."""
    return _TICKET_FORM.fullmatch(text) is not None


def digest(text: str) -> str:
    """Return the digest of a secret, which alone is stored.

    A fast hash is enough: nobody can guess 170 random bits, as they could a password.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(length))


def _checksum(stem: str) -> str:
    rest, digits = zlib.crc32(stem.encode()), ""
    for _ in range(_CHECKSUM):
        rest, digit = divmod(rest, 62)
        digits = _BASE62[digit] + digits
    return digits
