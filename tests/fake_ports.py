"""All ports for tests: a real store, and twins of everything else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from domain.adapters import counting, fernet, memory, system
from domain.adapters.images import HELLO
from domain.adapters.sql.store import open_store
from domain.ports import Ports
from domain.settings import Settings


@contextmanager
def opened(settings: Settings, **others: Any) -> Iterator[Ports]:
    """In the folder and database of the settings, where others may have been before; time passes as it does.

    `others` are put in the place of what would be there, as `clock=twins.Clock()`.
    """
    vault = fernet.Vault(settings.data_dir / "secrets.key")
    notifier = system.Notifier()
    store = open_store(settings.database_url or f"sqlite:///{settings.data_dir / 'panel.db'}", vault, notifier.notify)
    # The hello image prints nothing here, so that tests know each line that is printed.
    runtime = others.get("runtime") or memory.Runtime({HELLO: memory.Behaviour(ports=(8080,))})
    given = {
        "runtime": runtime,
        "prober": memory.Prober(runtime),
        "router": memory.Router(),
        "counter": counting.Counter(),
        "clock": system.Clock(),
        **others,
    }
    yield Ports(settings=settings, store=store, vault=vault, notifier=notifier, instance=store.instance, **given)
    store.close()
