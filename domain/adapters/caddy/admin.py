"""Caddy's admin API: read and replace the configuration."""

import http.client
import socket
from typing import Any
from urllib.parse import urlsplit

import orjson

from domain.ports.edge import EdgeFailed, EdgeRefused
from domain.ports.transactions import in_transaction

_SECONDS = 10.0
_LARGEST = 64 * 1024 * 1024  # bytes of a configuration
_SHOWN = 300  # characters of an error


class CaddyRefused(EdgeRefused):
    """Caddy does not accept a configuration. `answer` is what it says about it."""

    default = "route_failed"

    def __init__(self, answer: str) -> None:
        super().__init__("The reverse proxy refuses the configuration", details=answer[:_SHOWN])
        self.answer = answer


class Admin:
    """One connection for each request: Caddy closes idle ones when it reloads. Raise ValueError for other addresses."""

    def __init__(self, address: str) -> None:
        url = urlsplit(address)
        self._socket = "" if url.scheme == "http" else f"/{address.removeprefix('unix:').lstrip('/')}"
        if not (url.hostname if url.scheme == "http" else address.startswith(("/", "unix:/"))):
            raise ValueError(address)
        self._host, self._port = url.hostname or "", url.port or 2019

    def read(self) -> dict[str, Any]:
        """Return the whole configuration; an empty one if Caddy has none."""
        status, body = self._request("GET", "/config/", None)
        if status != http.client.OK:
            raise CaddyRefused(body.decode(errors="replace"))
        parsed = orjson.loads(body or b"null")
        return parsed if isinstance(parsed, dict) else {}

    def write(self, configuration: dict[str, Any]) -> None:
        """Replace the configuration. Raise CaddyRefused if it stays as it was."""
        status, body = self._request("POST", "/load", orjson.dumps(configuration))
        if status != http.client.OK:
            raise CaddyRefused(body.decode(errors="replace"))

    def _request(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        if in_transaction():
            raise RuntimeError("Caddy was asked inside a transaction")
        connection = _UnixConnection(self._socket) if self._socket else self._tcp_connection()
        try:
            connection.putrequest(method, path, skip_host=bool(self._socket), skip_accept_encoding=True)
            if self._socket:
                connection.putheader("Host", "")  # at a socket, 2.6 accepts no other host
            if body is not None:
                connection.putheader("Content-Type", "application/json")
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read(_LARGEST + 1)
        except (OSError, http.client.HTTPException) as error:
            raise EdgeFailed(
                "The reverse proxy does not answer", details=f"Start Caddy, or check PANEL_CADDY_ADMIN: {error}"
            ) from error
        finally:
            connection.close()
        if len(content) > _LARGEST:
            raise EdgeFailed("The configuration of the reverse proxy is too large")
        return response.status, content

    def _tcp_connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=_SECONDS)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("caddy", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(self._path)
