"""The limit on open files of this process."""

import resource

FILES = 65_536
_RESERVED = 256  # for the database, the engine and everything else, but at most half of all
_SERVERS = 2  # the API with its WebSockets, and the forwarder


def raise_file_limit() -> None:
    """Raise the soft limit: each connection takes one or two files, and the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))


def max_connections(files: int) -> int:
    """Return how many connections a server of this process may have, if each takes this many files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    available = FILES if soft == resource.RLIM_INFINITY else soft
    return max(8, (available - min(_RESERVED, available // 2)) // _SERVERS // files)
