"""What a killed engine has lost sight of: processes and mounts that belong to a folder of ours and nobody else ends."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def clear(folder: Path) -> list[str]:
    """End every process that names the folder, with its children; undo mounts; answer what there was."""
    processes = list(_processes(folder))
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    mounts = sorted(_mounts(folder), key=len, reverse=True)
    for mount in mounts:
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)
    return [f"process {process}" for process in processes] + mounts


def _processes(folder: Path) -> Iterator[int]:
    """Children first: a container outlives the shim that looks after it."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if f"{folder}/" in path.read_text(errors="replace") and int(path.parent.name) != os.getpid():
                yield from _children(int(path.parent.name))
                yield int(path.parent.name)


def _children(process: int) -> Iterator[int]:
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in path.read_text().split():
                yield from _children(int(child))
                yield int(child)


def _mounts(folder: Path) -> Iterator[str]:
    for line in Path("/proc/mounts").read_text().splitlines():
        if line.split()[1].startswith(f"{folder}/"):
            yield line.split()[1]
