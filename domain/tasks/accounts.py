"""What the tasks that create users share: the account at the identity provider, and its removal after a failure.

Each step can be done again: a worker that takes over finds the account by the user's ID.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import Conflict, Unavailable
from domain.model.operation import Option
from domain.ports import Ports
from domain.ports.identity_provider import Account
from domain.ports.progress import Progress
from domain.rollout.rollout import retry_while_unavailable
from domain.work.failures import TaskFailed

PATIENCE = 10.0  # seconds in which a server that does not answer is tried again, while a request waits
_log = logging.getLogger(__name__)


@contextmanager
def account_removed_on_failure(ports: Ports, user_id: str, progress: Progress, **forgotten: Option) -> Iterator[None]:
    """Remove the account of a user that is not created, also one that a call which failed halfway has made.

    `forgotten` are facts of the operation that hold no longer then.
    """
    try:
        yield
    except Exception:
        progress.begin_undo()
        if progress.recall("account_begun"):
            _remove_account(ports, user_id, progress)
        progress.remember(account_begun=False, **forgotten)
        raise


def _remove_account(ports: Ports, user_id: str, progress: Progress) -> None:
    provider = ports.identity_provider
    if provider is None:
        return
    try:
        retry_while_unavailable(ports, progress, lambda: provider.delete_account_of(user_id), PATIENCE)
    except Unavailable:
        _log.warning("Delete the account with panel_user_id %s at the identity provider, if there is one", user_id)
        raise


def create_account(ports: Ports, account: Account, password: str | None, progress: Progress) -> str:
    """Return the subject of the account. Without an identity provider it is the user's ID, and nobody can log in."""
    provider = ports.identity_provider
    if provider is None:
        return account.user_id
    progress.step("creating_account", f"Creating an account for {account.email}")
    progress.remember(account_begun=True)
    try:
        return retry_while_unavailable(ports, progress, lambda: provider.create_account(account, password), PATIENCE)
    except Conflict as fault:
        raise TaskFailed("account_exists", fault.message) from fault
