"""The threads for blocking calls. Each kind of call has a pool of its own, so that one kind never delays another.

Writes wait for the write lock of the database, up to 30 seconds. In a shared pool, a few of them occupy all threads
and delay reads, authentication and health checks.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TypeVar

Result = TypeVar("Result")


class Pool:
    """A bounded pool. Its threads start when they are first needed, and are shared by all servers of the process."""

    def __init__(self, name: str, threads: int) -> None:
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, call: Callable[[], Result]) -> Result:
        """Return the result of a blocking call. It costs half as much as AnyIO's pool, which Starlette would use."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, partial(copy_context().run, call))


AUTHENTICATION = Pool("authentication", 8)
"""API keys and session cookies: reads only."""
TICKETS = Pool("tickets", 4)
"""Tickets of WebSockets: each one is deleted, which waits for the write lock."""
HEALTH = Pool("health", 4)
"""Operations without authentication that only read."""
PUBLIC_WRITES = Pool("public-writes", 8)
"""Requests without authentication that change something: deploy hooks, and logouts of the identity provider."""
READS = Pool("reads", 40)
WRITES = Pool("writes", 40)
COMMANDS = Pool("commands", 32)
"""Commands in containers, which run for up to a minute."""
