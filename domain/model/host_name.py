"""Host names of services: their form, wildcards, and which names overlap."""

from ipaddress import ip_address

import idna

_MOST = 236  # characters, so that the name of the record that proves the host has at most 253 (RFC 1035)


def normalize(text: str) -> str:
    """Return a host in lower case and Punycode (RFC 5891), without a trailing dot. Raise ValueError with a message.

    A wildcard `*.example.com` stays one. Addresses, names of one label and wildcards below such a name are refused.
    """
    wildcard, name = text.startswith("*."), text.removeprefix("*.").removesuffix(".")
    try:
        encoded = idna.encode(name, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise ValueError("is not a host name such as shop.example.com") from None
    if _is_address(encoded):
        raise ValueError("is an address: name a host such as shop.example.com")
    if "." not in encoded or encoded.endswith(".localhost"):
        raise ValueError("needs a domain that others can look up, such as shop.example.com")
    if len(encoded) > _MOST:
        raise ValueError(f"has more than {_MOST} characters")
    return f"*.{encoded}" if wildcard else encoded


def is_wildcard(host: str) -> bool:
    """Return whether a host stands for all names one label below it."""
    return host.startswith("*.")


def plain(host: str) -> str:
    """Return a host without the `*.` of a wildcard."""
    return host.removeprefix("*.")


def parent(host: str) -> str:
    """Return the name above a host: that of `shop.example.com` and `*.example.com` is `example.com`."""
    return host.partition(".")[2]


def covers(pattern: str, host: str) -> bool:
    """Return whether `pattern`, which may be a wildcard, stands for `host`. A wildcard host needs an equal pattern."""
    return pattern == host or (is_wildcard(pattern) and not is_wildcard(host) and parent(host) == parent(pattern))


def overlap(first: str, second: str) -> bool:
    """Return whether a request can be for both hosts."""
    return covers(first, second) or covers(second, first)


def is_within(host: str, domain: str) -> bool:
    """Return whether a host is a domain or below it."""
    return bool(domain) and (plain(host) == domain or host.endswith(f".{domain}"))


def _is_address(text: str) -> bool:
    """Return whether a text is an IP address, also in the notations that the systems of visitors understand."""
    last = text.rpartition(".")[2]
    try:
        ip_address(text)
    except ValueError:
        return last.isdigit() or last.startswith("0x")
    return True
