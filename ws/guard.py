"""Closes the WebSocket connections of callers who may do less than when they connected."""

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress

from domain.errors import Refusal
from domain.identity.access import keeps_access
from domain.identity.authenticator import Authenticator
from handlers.edge.refusals import Close
from ws.session import Session

_log = logging.getLogger(__name__)
_INTERVAL = 1.0  # seconds
_CLOSE_TIMEOUT = 0.5  # seconds


async def watch(authenticator: Authenticator, sessions: Collection[Session]) -> None:
    """Check the credentials of all connections once a second until cancelled. Equal callers are checked once."""
    while True:
        await asyncio.sleep(_INTERVAL)
        try:
            with suppress(Refusal):  # the event reader logs that the database cannot be reached
                await revalidate(authenticator, list(sessions))
        except Exception:  # noqa: BLE001 - one failed check must not end the checks
            _log.exception("the check of credentials failed unexpectedly")


async def revalidate(authenticator: Authenticator, sessions: Collection[Session]) -> None:
    """Check the credentials once, and return when the connections that must close are closed, or soon after."""
    callers = list({session.caller for session in sessions})
    current = dict(zip(callers, await asyncio.to_thread(authenticator.revalidate_many, callers), strict=True))
    ended = []
    for session in sessions:
        caller = current[session.caller]
        if caller is not None and keeps_access(session.caller, caller):
            session.caller = caller
        else:
            session.end(Close.CREDENTIALS_ENDED, "the credentials have ended or may do less")
            ended.append(session.connection.wait_closed())
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            await asyncio.gather(*ended)
