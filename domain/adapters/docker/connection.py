"""How the engine is reached: clients made when first needed, and its errors in our words."""

import http.client
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests
import urllib3
from docker import APIClient
from docker.errors import APIError, DockerException
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env, parse_host

from domain import errors
from domain.ports.runtime import EngineRefused

QUICK = 10
# What may rightly take long (a start on a slow disk, a stop after its grace) still has to end one day.
PATIENT = 180


class Connection:
    """The way to one engine. `host` is a DOCKER_HOST; None takes the environment's."""

    def __init__(self, host: str | None) -> None:
        given = {**os.environ, "DOCKER_HOST": host} if host else dict(os.environ)
        found = kwargs_from_env(given)
        self.host = found.get("base_url") or "unix:///var/run/docker.sock"
        self._tls: TLSConfig | bool = found.get("tls") or False
        self._clients: dict[int, APIClient] = {}
        self._lock = threading.Lock()

    @contextmanager
    def asked(self, seconds: int = QUICK) -> Iterator[APIClient]:
        """A client that waits so long for each answer; raises Unavailable, and EngineRefused for a plain no."""
        with self.reachable():
            yield self._client(seconds)

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Turn what goes wrong within into Unavailable and EngineRefused."""
        try:
            yield
        except APIError as refused:
            raise EngineRefused(refused.explanation or str(refused)) from refused
        except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as away:
            self._forget()
            raise self._unavailable(away) from away
        except http.client.HTTPException as cut:
            raise self._unavailable(cut) from cut

    def wire(self) -> http.client.HTTPConnection:
        """A connected connection of its own, which the caller may cut while the engine is still silent."""
        url = urlsplit(str(parse_host(self.host, tls=bool(self._tls))))
        if url.scheme == "http+unix":
            connection: http.client.HTTPConnection = _Unix(url.path)
        elif url.scheme == "https":
            connection = http.client.HTTPSConnection(url.netloc, timeout=QUICK, context=self._context())
        else:
            connection = http.client.HTTPConnection(url.netloc, timeout=QUICK)
        try:
            connection.connect()
        except OSError:
            connection.close()
            raise
        connection.sock.settimeout(None)
        return connection

    def _client(self, seconds: int) -> APIClient:
        """Made late, since the version is agreed with an engine that answers."""
        with self._lock:
            if seconds not in self._clients:
                self.wire().close()  # says plainly what is wrong, where the library wraps it three times
                self._clients[seconds] = APIClient(self.host, version="auto", timeout=seconds, tls=self._tls)
            return self._clients[seconds]

    def _forget(self) -> None:
        """The engine that comes back may be another version."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _unavailable(self, away: Exception) -> errors.Unavailable:
        return errors.Unavailable(
            f"The Docker engine at {self.host} does not answer. Start it, or set DOCKER_HOST to where it listens",
            code="engine_unavailable",
            details=str(away),
        )

    def _context(self) -> ssl.SSLContext:
        if not isinstance(self._tls, TLSConfig):
            return ssl.create_default_context()
        context = ssl.create_default_context(cafile=self._tls.ca_cert)
        if self._tls.cert:
            context.load_cert_chain(*self._tls.cert)
        return context


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(QUICK)
        self.sock.connect(self._path)
