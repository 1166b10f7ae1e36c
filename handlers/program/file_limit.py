"""The limit on open files of this process."""

import resource

FILES = 65_536


def raise_file_limit() -> None:
    """Raise the soft limit: each connection takes one or two files, and the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
