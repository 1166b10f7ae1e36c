"""Whether this thread has a transaction open: then no port but the store may be called."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local


class _Thread(local):
    depth = 0


_thread = _Thread()


def in_transaction() -> bool:
    """Return whether this thread is inside `begin()` or `read()`, or after the first `begin()` within a `run_once`."""
    return _thread.depth > 0


@contextmanager
def open_transaction() -> Iterator[None]:
    """Mark a transaction of the store as open in this thread."""
    _thread.depth += 1
    try:
        yield
    finally:
        _thread.depth -= 1
