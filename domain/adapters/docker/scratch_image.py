"""Builds images from files alone, reproducibly, without a builder or a registry."""

import hashlib
import io
import json
import platform
import struct
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.ports.runtime import ImageMissing

BUSYBOX = Path("/bin/busybox")
EPOCH = "1970-01-01T00:00:00Z"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class ScratchImage:
    """An image without a base image.

    `files` maps paths to contents; all are executable. `links` maps paths of symbolic links to their targets. `config`
    is the `config` object of an OCI image configuration.
    """

    reference: str
    files: Mapping[str, bytes]
    links: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    def archive(self) -> bytes:
        """Return a tar archive for `docker load`."""
        layer = self._layer()
        config = _json(
            {
                "architecture": MACHINES.get(platform.machine(), platform.machine()),
                "os": "linux",
                "created": EPOCH,
                "config": dict(self.config),
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_sha256(layer)}"]},
                "history": [{"created": EPOCH, "created_by": "ai-admin-panel"}],
            }
        )
        name = f"{_sha256(config)}.json"
        manifest = _json([{"Config": name, "RepoTags": [self.reference], "Layers": ["layer.tar"]}])
        return _tar({name: config, "layer.tar": layer, "manifest.json": manifest}, {})

    def _layer(self) -> bytes:
        return _tar(self.files, self.links)


def busybox() -> bytes:
    """Return the host's busybox. Raise ImageMissing unless it is statically linked."""
    if not BUSYBOX.exists() or _is_dynamic(program := BUSYBOX.read_bytes()):
        raise ImageMissing(
            f"The panel builds this image from a static {BUSYBOX}. Install it: apt-get install busybox-static"
        )
    return program


def _is_dynamic(elf: bytes) -> bool:
    """Return whether the program needs a loader: an ELF program header of type PT_INTERP (3)."""
    if elf[:5] != b"\x7fELF\x02":
        return True
    offset, size, count = *struct.unpack_from("<Q", elf, 32), *struct.unpack_from("<HH", elf, 54)
    return any(struct.unpack_from("<I", elf, offset + size * number)[0] == 3 for number in range(count))


def _tar(files: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    """Sort entries and omit times and owners, so that the archive depends on the contents alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted({folder for path in (*files, *links) for folder in _folders(path)}):
            tar.addfile(_entry(name, tarfile.DIRTYPE))
        for name in sorted(files):
            entry = _entry(name, tarfile.REGTYPE)
            entry.size = len(files[name])
            tar.addfile(entry, io.BytesIO(files[name]))
        for name in sorted(links):
            entry = _entry(name, tarfile.SYMTYPE)
            entry.linkname = links[name]
            tar.addfile(entry)
    return buffer.getvalue()


def _entry(name: str, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = kind, 0o755
    return entry


def _folders(path: str) -> list[str]:
    return [str(folder) for folder in Path(path).parents if str(folder) != "."]


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
