"""Connections to one engine, and the translation of errors."""

import http.client
import logging
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import requests
import urllib3
from docker import APIClient
from docker.errors import APIError, DockerException
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env, parse_host

from domain import errors
from domain.adapters.docker.host_paths import hide_host_paths
from domain.adapters.docker.output_text import safe_text
from domain.ports.runtime import EngineRefused

SHORT_TIMEOUT = 10
# For calls that may take long, such as a start on a slow disk, or a stop with its grace period.
LONG_TIMEOUT = 180
MEASURE_TIMEOUT = 60
log = logging.getLogger(__name__)


class Connection:
    """Connections to the engine at `host`, a value for DOCKER_HOST; None takes that of the environment."""

    def __init__(self, host: str | None) -> None:
        environment = {**os.environ, "DOCKER_HOST": host} if host else dict(os.environ)
        options = kwargs_from_env(environment)
        self.host = options.get("base_url") or "unix:///var/run/docker.sock"
        self._tls: TLSConfig | bool = options.get("tls") or False
        self._clients: dict[int, APIClient] = {}
        self._lock = threading.Lock()
        self.terminals: dict[str, bool] = {}
        """Whether containers have a terminal, by name."""
        self._reachable = True
        self._root_folder = ""

    @contextmanager
    def client(self, timeout: int = SHORT_TIMEOUT) -> Iterator[APIClient]:
        """Yield a client that waits up to `timeout` seconds for each response. Translates errors."""
        with self.translate_errors():
            yield self._client(timeout)

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raise EngineRefused for errors that the engine returned, and Unavailable if it cannot be reached."""
        try:
            yield
        except APIError as error:
            raise self.refusal((error.explanation or str(error)).encode()) from error
        except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            self.close()
            raise self._unavailable(error) from error
        except http.client.HTTPException as error:
            raise self._unavailable(error) from error
        else:
            self._reachable = True

    def refusal(self, message: bytes) -> EngineRefused:
        """Return the error for a message of the engine. Paths of the host are in the panel's log only."""
        text = safe_text(message)
        log.info("the engine refused a request: %s", text)
        return EngineRefused(hide_host_paths(text, self._root_folder))

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection that the caller can shut down while it waits for the engine. It has no timeout."""
        url = urlsplit(str(parse_host(self.host, tls=bool(self._tls))))
        if url.scheme == "http+unix":
            connection: http.client.HTTPConnection = _UnixConnection(url.path)
        elif url.scheme == "https":
            connection = http.client.HTTPSConnection(url.netloc, timeout=SHORT_TIMEOUT, context=self._ssl_context())
        else:
            connection = http.client.HTTPConnection(url.netloc, timeout=SHORT_TIMEOUT)
        try:
            connection.connect()
        except OSError:
            connection.close()
            raise
        connection.sock.settimeout(None)
        return connection

    def _client(self, timeout: int) -> APIClient:
        """Create a client when it is first needed, because it negotiates the API version with the engine."""
        with self._lock:
            if timeout not in self._clients:
                self.connect().close()  # raises a plain error, which the library would wrap three times
                client = APIClient(self.host, version="auto", timeout=timeout, tls=self._tls)
                self._clients[timeout] = client
                self._root_folder = self._root_folder or _root_folder(client)
            return self._clients[timeout]

    def close(self) -> None:
        """Close all clients. The next ones negotiate the API version again, as the engine may come back as another."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _unavailable(self, error: Exception) -> errors.Unavailable:
        if self._reachable:  # the first failure is logged, not each of the many that follow
            log.warning("the engine at %s cannot be reached: %s", self.host, error)
        self._reachable = False
        return errors.Unavailable(
            "The Docker engine does not answer. Start it, or set DOCKER_HOST to where it listens",
            code="engine_unavailable",
        )

    def _ssl_context(self) -> ssl.SSLContext:
        if not isinstance(self._tls, TLSConfig):
            return ssl.create_default_context()
        context = ssl.create_default_context(cafile=self._tls.ca_cert)
        if self._tls.cert:
            context.load_cert_chain(*self._tls.cert)
        return context


def _root_folder(client: APIClient) -> str:
    """Return the folder of the engine's files; empty if the engine does not tell, as behind a proxy of its API."""
    with suppress(DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError):
        return str(client.info().get("DockerRootDir", ""))
    return ""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SHORT_TIMEOUT)
        self.sock.connect(self._path)
