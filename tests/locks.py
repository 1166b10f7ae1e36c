"""Hold the database's write lock, to test that others do not wait for it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from tests.panel import Panel


@contextmanager
def write_lock(panel: Panel) -> Iterator[None]:
    """Hold the write lock in another thread."""
    taken, done = Event(), Event()

    def hold() -> None:
        with panel.ports.store.begin():
            taken.set()
            done.wait(60)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert taken.wait(10)
        try:
            yield
        finally:
            done.set()
            held.result()
