"""Calls to a Keycloak server: each ends in time, few run at once, and errors become refusals."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from keycloak import KeycloakError

from domain.errors import Conflict, NotFound, Refusal, Unavailable

T = TypeVar("T")
TIMEOUT = 4  # seconds to connect, and for each part of a response
DEADLINE = 4.5  # seconds for a call with all of its requests
_CALLS = 8
_log = logging.getLogger(__name__)


class Server:
    """Runs calls in threads of its own.

    A server that accepts connections and answers slowly keeps those threads busy, not those of requests.
    """

    def __init__(self, deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        self._pool = ThreadPoolExecutor(_CALLS, thread_name_prefix="keycloak")
        self._slots = BoundedSemaphore(_CALLS)

    def call(self, work: Callable[[], T]) -> T:
        """Return the result of a function that sends requests. Raise Unavailable, NotFound or Conflict."""
        if not self._slots.acquire(timeout=0.2):
            raise unavailable("too many requests to it are waiting for a response")
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._slots.release())
        try:
            return future.result(self._deadline)
        except TimeoutError:
            raise unavailable("it does not answer in time") from None
        except KeycloakError as fault:
            raise _refusal(fault) from None
        except (TypeError, KeyError, ValueError) as fault:  # an answer in another form than Keycloak's
            _log.warning("Keycloak's response cannot be read", exc_info=fault)
            raise unavailable("its response cannot be read") from None

    def close(self) -> None:
        """Do not wait for calls that still run."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def unavailable(reason: str) -> Unavailable:
    """Return the refusal of a request that needs Keycloak while it cannot be used."""
    return Unavailable(f"Keycloak cannot be used: {reason}", code="identity_provider_unavailable")


def _refusal(fault: KeycloakError) -> Refusal:
    """Return the refusal for an error. Keycloak's own text is only logged: it may name internal addresses."""
    _log.info("Keycloak answered with an error: %.500s", fault)
    match fault.response_code:
        case 404:
            return NotFound("Account not found at the identity provider")
        case 409:
            return Conflict("The identity provider has another account with this email address")
        case 401 | 403:
            return unavailable(
                "it refuses the panel's client. Check PANEL_OIDC_CLIENT_ID and PANEL_OIDC_CLIENT_SECRET, or run"
                " `ai-admin-panel keycloak-setup`"
            )
        case None:
            return unavailable("it does not answer")
        case status:
            return unavailable(f"it answers with status {status}")
