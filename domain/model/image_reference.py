"""References of images: `[registry/]path[:tag][@digest]`."""

DOCKER_HUB = "docker.io"
_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})


def registry_of(reference: str) -> str:
    """Return the registry that a reference names, as `host` or `host:port`; `docker.io` if it names none.

    The first part is a registry if it has a dot, a colon or a capital letter, or if it is `localhost`: so the engine
    reads it (https://github.com/distribution/reference).
    """
    first, slash, _ = reference.partition("/")
    named = slash and (any(mark in first for mark in ".:") or first == "localhost" or first != first.lower())
    return first if named and first not in _HUB_NAMES else DOCKER_HUB


def canonical_host(host: str) -> str:
    """Return the one name under which logins at a registry are stored."""
    lower = host.lower()
    return DOCKER_HUB if lower in _HUB_NAMES else lower
