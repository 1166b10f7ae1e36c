"""All ports for tests: a real store, and in-memory adapters for the rest."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import delete

from domain.adapters import certificates, counting, fernet, memory, system
from domain.adapters.images import HELLO
from domain.adapters.sql import schema
from domain.adapters.sql.engines import connect, transaction
from domain.adapters.sql.store import open_store
from domain.ports import Ports
from domain.ports.transactions import in_transaction
from domain.settings import Settings


class GuardedVault:
    """A vault for rules that fails if it is called inside a transaction."""

    def __init__(self, vault: fernet.Vault) -> None:
        self._vault = vault

    def encrypt(self, plain: str) -> str:
        assert not in_transaction(), "encrypt() was called inside a transaction"
        return self._vault.encrypt(plain)

    def decrypt(self, sealed: str) -> str:
        assert not in_transaction(), "decrypt() was called inside a transaction"
        return self._vault.decrypt(sealed)


@cache
def _migrated_database() -> bytes:
    """Return an empty database at the newest migration, which takes longer to create than most tests take."""
    with TemporaryDirectory() as folder:
        engines = connect(f"sqlite:///{folder}/panel.db")
        schema.upgrade(engines.write)
        with transaction(engines.write) as connection:
            connection.execute(delete(schema.installation))
        engines.close()
        return (Path(folder) / "panel.db").read_bytes()


@contextmanager
def open_ports(settings: Settings, **others: Any) -> Iterator[Ports]:
    """Open the ports on the data folder and database of the settings, which may exist. The clock is the system's.

    `others` replace ports by name, for example `clock=memory.Clock()`.
    """
    vault = fernet.Vault(settings.data_dir / "secrets.key")
    notifier = system.Notifier()
    file = settings.data_dir / "panel.db"
    if not settings.database_url and not file.exists():
        file.touch(0o600)
        file.write_bytes(_migrated_database())
    store = open_store(settings.database_url or f"sqlite:///{file}", vault, notifier.notify)
    # The hello image prints nothing here, so that a test knows every line.
    runtime = others.get("runtime") or memory.Runtime({HELLO: memory.Behaviour(ports=(8080,))})
    adapters = {
        "runtime": runtime,
        "prober": memory.Prober(runtime),
        "resolver": memory.Resolver(),
        "registry_prober": memory.RegistryProber(),
        "dns": memory.Dns(),
        "edge": memory.Edge(),
        "web_reader": memory.WebReader(),
        "router": memory.Router(),
        "git": memory.Git(),
        "identity_provider": memory.IdentityProvider(),
        "mailer": memory.Mailer(),
        "certificates": certificates.Certificates(),
        "counter": counting.Counter(),
        "clock": system.Clock(),
        **others,
    }
    guarded = GuardedVault(vault)
    yield Ports(settings=settings, store=store, vault=guarded, notifier=notifier, instance=store.instance, **adapters)
    store.close()
