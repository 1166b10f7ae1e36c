"""A Redis server and its availability: while it is unavailable, callers fail at once instead of waiting."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from urllib.parse import urlsplit

from redis import BlockingConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.errors import Unavailable

TIMEOUT = 0.5  # seconds to connect, and for each response
_PROBE_INTERVAL = 2.0  # seconds
_CONNECTIONS = 16
_PROBE_KEY = "panel:probe"
_log = logging.getLogger(__name__)


class Server:
    """The connections to a server. After an error only a background thread connects, until a probe succeeds."""

    def __init__(self, url: str) -> None:
        """Parse the URL without connecting. Raise ValueError if it is invalid."""
        self.pool = _pool(url)
        self._client = Redis(connection_pool=self.pool)
        self._error = ""  # empty while the server is available
        self._lock = Lock()
        self._closed = Event()

    @contextmanager
    def connection(self) -> Iterator[Redis]:
        """Yield the client. Raise Unavailable if a command of the block fails, or at once while the server is down."""
        if reason := self._error:
            raise _unavailable(reason)
        try:
            yield self._client
        except RedisError as error:
            raise _unavailable(self._mark_unavailable(error)) from error

    def ping(self) -> None:
        """Raise Unavailable if the server cannot be used now."""
        with self.connection() as client:
            _probe(client)

    def close(self) -> None:
        """Close all connections and stop probing."""
        self._closed.set()
        self.pool.disconnect()

    def _mark_unavailable(self, error: RedisError) -> str:
        """Store the error and start probing, if no thread does yet. Return the error's text in one line."""
        text = " ".join(str(error).split()) or type(error).__name__
        with self._lock:
            known, self._error = self._error, text
        if not known:
            _log.warning(
                "Redis cannot be used (%s). Until it can, each process counts rate limits separately,"
                " and notifications between processes take up to a second",
                text,
            )
            Thread(target=self._probe_until_available, name="redis-probe", daemon=True).start()
        return text

    def _probe_until_available(self) -> None:
        while not self._closed.wait(_PROBE_INTERVAL):
            try:
                _probe(self._client)
            except RedisError as error:
                self._mark_unavailable(error)
                continue
            _log.warning("Redis can be used again: processes share rate limits and notifications")
            self._error = ""
            return


def _probe(client: Redis) -> None:
    """Raise RedisError if the server cannot count.

    PING is not enough: a full server, a replica and a version that is too old reply to it too.
    """
    client.set(_PROBE_KEY, "", px=1000)
    client.pexpiretime(_PROBE_KEY)


def _unavailable(error: str) -> Unavailable:
    return Unavailable(f"Redis cannot be used: {error}")


def _pool(url: str) -> BlockingConnectionPool:
    parts = urlsplit(url)
    (parts.hostname or "").encode("idna")  # raises ValueError here instead of at every connection
    if parts.scheme == "unix" and not parts.path:
        raise ValueError("the URL of a Unix socket needs a path, as in unix:///run/redis.sock")
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        socket_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),  # a request should not wait for a second attempt
        protocol=2,  # a shorter handshake; a connection that Redis closed is noticed before its next use
    )
    try:
        pool.connection_class(**pool.connection_kwargs)  # does not connect; raises on unknown options
    except (TypeError, RedisError) as error:
        raise ValueError(str(error)) from error
    return pool
