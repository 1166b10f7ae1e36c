"""The only place that knows which adapter stands behind which port."""

import os
from pathlib import Path

from domain.adapters import counting, docker, fernet, forwarder, memory, system, twins
from domain.adapters.sql.store import open_store
from domain.ports import Ports, Router, Runtime
from domain.settings import BadSetting, Settings


def open_ports(settings: Settings) -> Ports:
    """Ports on the real parts that the settings name; raises BadSetting or `errors.Unavailable`, saying what to do."""
    folder = _prepared(settings.data_dir)
    vault = fernet.Vault(folder / "secrets.key")
    feed = system.Feed()
    store = open_store(settings.database_url or f"sqlite:///{folder / 'panel.db'}", vault, feed.nudge)
    return Ports(
        settings=settings,
        store=store,
        runtime=_runtime(settings),
        router=_router(settings),
        counter=counting.Counter(),
        vault=vault,
        clock=system.Clock(),
        feed=feed,
        instance=store.instance,
    )


def _prepared(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise BadSetting(f"PANEL_DATA_DIR is {folder}, which cannot be made: {fault.strerror}") from fault
    if not os.access(folder, os.W_OK):
        raise BadSetting(f"PANEL_DATA_DIR is {folder}, where this user may not write")
    return folder.resolve()


def _runtime(settings: Settings) -> Runtime:
    return memory.Runtime() if settings.runtime == "memory" else docker.Runtime(os.environ.get("DOCKER_HOST"))


def _router(settings: Settings) -> Router:
    if settings.runtime == "memory":
        return twins.Router()
    return forwarder.Router(
        settings.data_dir / "routes",
        settings.host,
        settings.public_host,
        settings.base_domain,
        settings.service_ports,
    )
