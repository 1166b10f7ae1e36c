"""Remove processes and mounts in a folder that a killed engine no longer tracks."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def clear(folder: Path) -> list[str]:
    """Kill all processes whose command line names the folder, and their children; unmount; return what was removed."""
    processes = list(_processes(folder))
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    mounts = sorted(_mounts(folder), key=len, reverse=True)
    for mount in mounts:
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)
    return [f"process {process}" for process in processes] + mounts


def _processes(folder: Path) -> Iterator[int]:
    """Yield children first: a container outlives its shim."""
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
