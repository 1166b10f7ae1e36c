"""Progress of background work, as the code that does the work reports it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from domain.model.operation import Operation, Option
from domain.ports.runtime import Layers
from domain.ports.store import Work

T = TypeVar("T")
Change = Callable[[Work, Operation], None]
"""A change of rows, called inside the transaction that it is passed to. It may be called again after a failure."""


class Progress(Protocol):
    """Record the steps and the log of an operation, and say whether it may go on."""

    def check(self) -> None:
        """Raise LeaseLost if another worker may have the operation, Cancelled if a caller has cancelled it."""

    def step(self, name: str, text: str, changes: Sequence[Change] = ()) -> None:
        """Finish the current step and begin another, with a line in the log and these changes, in one transaction.

        Raise as `check` does.
        """

    def note(self, text: str, stream: str = "panel") -> None:
        """Add lines to the log with the next write."""

    def log(self, text: str, stream: str = "panel") -> None:
        """Add lines to the log now."""

    def layers(self, layers: Layers | None) -> None:
        """Record how far a pull is, once a second at most; None means no news. Raise as `check` does."""

    def begin_undo(self, *, rolled_back: bool = False) -> None:
        """Ignore cancellation from here on. `rolled_back` makes a failure end as `rolled_back`."""

    def remember(self, **options: Option) -> None:
        """Store facts in the operation's options now, for the next worker if this one dies."""

    def recall(self, option: str) -> Option:
        """Return a stored fact or an option that the caller gave; None if it is absent."""

    def hide(self, values: Iterable[str]) -> None:
        """Mask these values in all that is logged from now on, and every line of a value that has several."""

    def redact(self, text: str) -> str:
        """Return the text with hidden values masked."""

    def read(self, query: Callable[[Work], T]) -> T:
        """Return what `query` finds in one snapshot; wait for a database that does not answer."""
