"""Hides paths of the host in the engine's messages, which tenants read."""

import re

# A path after a space, a quote, a bracket, or a separator.
PATH = re.compile(r"(?<![^\s\"'`(\[=:,<>|])/[^\s\"'`()\[\],:;<>|]*")
ROOT_FILES = re.compile(r"^.*/(?:merged|diff|rootfs|overlayfs/\d+/fs)(?=/|$)")
VOLUME = re.compile(r"^.*/volumes/([^/]+)/_data")
ENGINE_DIRECTORIES = ("/var/lib/docker", "/var/lib/containerd", "/var/run/docker", "/run/docker", "/run/containerd")
# Directories of containers, layers and tasks, in whichever folder the engine keeps them.
ENGINE_SEGMENT = re.compile(
    r"/(?:[0-9a-f]{32,}(?:-init)?|io\.containerd\.[^/]+|overlay2|overlayfs|network/files)(?:/|:|$)"
)
HIDDEN = "(a path of the host)"


def hide_host_paths(text: str, root: str = "") -> str:
    """Return the text without the paths below the engine's directories, of which `root` is one.

    A path in the file system of a container stays, without the part that leads to it on the host. A path in a volume
    names the volume.
    """
    roots = (*ENGINE_DIRECTORIES, root) if root else ENGINE_DIRECTORIES
    return PATH.sub(lambda path: _hide(path[0], roots), text)


def _hide(path: str, roots: tuple[str, ...]) -> str:
    below_root = any(path == root or path.startswith(f"{root}/") for root in roots)
    if not below_root and not ENGINE_SEGMENT.search(path) and not VOLUME.match(path):
        return path
    if VOLUME.match(path):
        return VOLUME.sub(r"volume \1", path)
    if ROOT_FILES.match(path):
        return ROOT_FILES.sub("", path) or "/"
    return HIDDEN
