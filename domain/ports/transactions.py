"""Whether this thread holds a transaction open: then nothing but the store may be called."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local


class _Thread(local):
    held = 0


_thread = _Thread()


def in_transaction() -> bool:
    """True inside `begin()` and `read()`, and from the first `begin()` of a `once` until its end."""
    return _thread.held > 0


@contextmanager
def held() -> Iterator[None]:
    """Mark a transaction of the store as open in this thread."""
    _thread.held += 1
    try:
        yield
    finally:
        _thread.held -= 1
