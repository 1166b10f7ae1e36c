"""Asks registries for their challenge: the first request that the engine sends, and the headers of its answer.

The API is that of https://distribution.github.io/distribution/spec/api/, a challenge that of RFC 9110, section 11.6.1.
"""

import re
import socket
import ssl
import time
from collections.abc import Collection
from contextlib import closing, suppress
from email.message import Message
from http.client import HTTPException, parse_headers
from io import BytesIO
from urllib.parse import urlsplit

_TIMEOUT = 5.0  # seconds for connection, request and headers together
_MAX_HEAD = 32 * 1024  # bytes
_REALM = re.compile(r'\brealm\s*=\s*(?:"([^"]*)"|([^\s,"]+))', re.IGNORECASE)


class RegistryProber:
    """Asks with HTTPS, then with HTTP, as the engine does for registries that it may ask without encryption."""

    def referred_hosts(self, registry: str, address: str) -> Collection[str]:
        """Return the hosts of all realms and of the redirect in the registry's first answer."""
        host, _, port = registry.partition(":")
        deadline = time.monotonic() + _TIMEOUT
        for context, default_port in ((_unverified(), 443), (None, 80)):
            with suppress(OSError, HTTPException, ValueError):
                target = (address, int(port or default_port))
                return _hosts(_ask(registry, host, target, context, deadline))
        return ()


def _unverified() -> ssl.SSLContext:
    """Return a context for any certificate: the answer only makes the panel refuse more, and the engine verifies."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _ask(registry: str, host: str, target: tuple[str, int], context: ssl.SSLContext | None, deadline: float) -> Message:
    plain = socket.create_connection(target, timeout=_left(deadline))
    with closing(context.wrap_socket(plain, server_hostname=host) if context else plain) as connection:
        request = f"GET /v2/ HTTP/1.1\r\nHost: {registry}\r\nUser-Agent: ai-admin-panel\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode("ascii"))
        _, _, fields = _read_head(connection, deadline).partition(b"\r\n")
        return parse_headers(BytesIO(fields))


def _read_head(connection: socket.socket, deadline: float) -> bytes:
    """Return the first line and the headers, also if they are cut off."""
    received = b""
    while b"\r\n\r\n" not in received and len(received) < _MAX_HEAD:
        connection.settimeout(_left(deadline))
        data = connection.recv(4096)
        if not data:
            break
        received += data
    if not received.startswith(b"HTTP/"):
        raise OSError("this is no answer of HTTP")
    return received


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _hosts(headers: Message) -> Collection[str]:
    challenges = headers.get_all("WWW-Authenticate", [])
    realms = [match[1] or match[2] or "" for challenge in challenges for match in _REALM.finditer(challenge)]
    urls = [*realms, *headers.get_all("Location", [])]
    return {host for url in urls if (host := _host(url))}


def _host(url: str) -> str | None:
    with suppress(ValueError):
        return urlsplit(url).hostname
    return None
