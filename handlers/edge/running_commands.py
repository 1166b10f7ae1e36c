"""Commands that requests run in containers: bounds on their number, and threads of their own."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from functools import partial

from domain.identity.access import Caller
from handlers.edge.stream_limits import StreamLimits
from handlers.edge.threads import COMMANDS, Result

_PER_CALLER, _PER_CUSTOMER = 4, 8


class RunningCommands:
    """The commands that run now."""

    def __init__(self) -> None:
        self._limits = StreamLimits("commands", _PER_CALLER, _PER_CUSTOMER)

    async def run(self, caller: Caller, call: Callable[[], Result]) -> Result:
        """Return the result of a call. Raise TooMany if the caller or its customer runs too many.

        A command counts until it ends, even if its client has disconnected.
        """
        self._limits.acquire(caller)
        future = COMMANDS.executor.submit(partial(copy_context().run, call))
        future.add_done_callback(lambda _: self._limits.release(caller))
        return await asyncio.wrap_future(future)
