"""Directories of the host that containers may mount: PANEL_HOST_BINDS lists them."""

import os


def resolve(allowed: str, path: str) -> str | None:
    """Return the directory without links that a path names; None unless it is one of the allowed ones, or within one.

    `allowed` are absolute paths, separated by commas.
    A link that leads out of the allowed directories is no way around them.
    """
    resolved = os.path.realpath(path)
    roots = [os.path.realpath(root.strip()) for root in allowed.split(",") if root.strip().startswith("/")]
    if not os.path.isdir(resolved) or not any(os.path.commonpath([resolved, root]) == root for root in roots):
        return None
    return resolved


def is_allowed(allowed: str, resolved: str) -> bool:
    """Return whether a directory that was resolved before is still allowed, and no link has taken its place."""
    return resolve(allowed, resolved) == resolved
