"""Names for workers, by which the next one on the same machine sees at once that the last one is dead."""

import os
from pathlib import Path

from domain.model.identifiers import new_id


def new_owner() -> str:
    """A name that no other worker has; it tells the boot, the process namespace and the process."""
    return f"{_here()}-{os.getpid()}-{new_id('wrk')}"


def is_dead(owner: str) -> bool:
    """Whether the worker ran under this very kernel and its process has ended; others are judged by their lease."""
    here, _, rest = owner.rpartition("-")[0].rpartition("-")
    return here == _here() and rest.isdigit() and not Path(f"/proc/{rest}").exists()


def _here() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return new_id("host")
