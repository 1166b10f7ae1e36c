"""One Redis, and whether it answers: nobody waits for one that was away a moment ago."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from urllib.parse import urlsplit

from redis import BlockingConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.errors import Unavailable

PATIENCE = 0.5  # seconds for Redis to let us in, and for each of its answers
_AGAIN_AFTER = 2.0
_CONNECTIONS = 16
_PROBE = "panel:probe"
_log = logging.getLogger(__name__)


class Server:
    """It is asked by who needs it as long as it answers, and then by a thread alone, until it does again."""

    def __init__(self, url: str) -> None:
        """Nothing is opened yet; raises ValueError when the URL cannot be used."""
        self.pool = _pool(url)
        self._client = Redis(connection_pool=self.pool)
        self._trouble = ""  # why it is away; empty while it can be used
        self._lock = Lock()
        self._closed = Event()

    @contextmanager
    def asked(self) -> Iterator[Redis]:
        """Raise Unavailable when the block finds Redis away; at once, when it was a moment ago."""
        if trouble := self._trouble:
            raise _unavailable(trouble)
        try:
            yield self._client
        except RedisError as fault:
            raise _unavailable(self._lost(fault)) from fault

    def ping(self) -> None:
        """Raise Unavailable when it cannot be used now."""
        with self.asked() as client:
            _must_serve(client)

    def close(self) -> None:
        """Close every connection, and look out no more."""
        self._closed.set()
        self.pool.disconnect()

    def _lost(self, fault: RedisError) -> str:
        trouble = " ".join(str(fault).split()) or type(fault).__name__
        with self._lock:
            known, self._trouble = self._trouble, trouble
        if not known:
            _log.warning(
                "Redis cannot be used (%s): until it can, each process counts limits for itself,"
                " and news between processes take up to a second",
                trouble,
            )
            Thread(target=self._look_out, name="redis", daemon=True).start()
        return trouble

    def _look_out(self) -> None:
        while not self._closed.wait(_AGAIN_AFTER):
            try:
                _must_serve(self._client)
            except RedisError as fault:
                self._lost(fault)
                continue
            _log.warning("Redis can be used again: limits and news are shared by all processes")
            self._trouble = ""
            return


def _must_serve(client: Redis) -> None:
    """More than a PING, which one that is full, a replica or too old answers as well; and none of them can count."""
    client.set(_PROBE, "", px=1000)
    client.pexpiretime(_PROBE)


def _unavailable(trouble: str) -> Unavailable:
    return Unavailable(f"Redis cannot be used: {trouble}")


def _pool(url: str) -> BlockingConnectionPool:
    parts = urlsplit(url)
    (parts.hostname or "").encode("idna")  # raises ValueError here, else it would with every connection
    if parts.scheme == "unix" and not parts.path:
        raise ValueError("a socket has a path")
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        socket_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),  # who asks has something else to do than to wait
        protocol=2,  # the shorter greeting, and a connection that Redis has closed is noticed before it is used
    )
    try:
        pool.connection_class(**pool.connection_kwargs)  # not opened: it refuses options that it does not know
    except (TypeError, RedisError) as fault:
        raise ValueError(str(fault)) from fault
    return pool
