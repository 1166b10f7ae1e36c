"""Whoever may do less than when its socket was opened loses the socket, within a second or two."""

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress

from domain.errors import Refusal
from domain.identity.access import may_still
from domain.identity.authenticator import Authenticator
from ws.protocol import Close
from ws.session import Session

_log = logging.getLogger(__name__)
_EVERY = 1.0


async def watch(authenticator: Authenticator, sessions: Collection[Session]) -> None:
    """Look at the credentials of all of them once a second, for ever; equal ones are looked at once."""
    while True:
        await asyncio.sleep(_EVERY)
        try:
            with suppress(Refusal):  # without the database nothing can have been revoked; the tail says so
                await look(authenticator, list(sessions))
        except Exception:  # noqa: BLE001 - one bad look must not end the looking: then nobody would be closed any more
            _log.exception("unforeseen")


async def look(authenticator: Authenticator, sessions: Collection[Session]) -> None:
    """One look; returns when those that must go are gone, which takes none of them long."""
    callers = list({session.caller for session in sessions})
    found = dict(zip(callers, await asyncio.to_thread(authenticator.revalidate_many, callers), strict=True))
    ended = []
    for session in sessions:
        now = found[session.caller]
        if now is not None and may_still(session.caller, now):
            session.caller = now
        else:
            ended.append(session.end(Close.CREDENTIALS_ENDED, "the credentials have ended or may do less"))
    await asyncio.gather(*ended)
