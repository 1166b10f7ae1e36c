"""Make a panel kill itself at a chosen moment, which simulates a power cut."""

import os
import signal
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from domain.ports.progress import Change
from domain.rollout import rollout
from domain.tasks import delete, deploy, stop
from domain.work.progress import OperationProgress

MOMENTS = (
    "pulling",
    "creating",
    "starting",
    "checking",
    "routing",
    "cleaning",
    "created",
    "started",
    "routed",
    "live",
    "cleaned",
)
"""The name of a step is the moment when the step is recorded; the others are moments after an action."""
_AFTER: dict[str, tuple[ModuleType, str]] = {
    "created": (rollout, "create"),
    "started": (rollout, "start_components"),
    "routed": (rollout, "route"),
    "live": (deploy, "_go_live"),
    "cleaned": (deploy, "remove_other_versions"),
    "erased": (delete, "_remove_all"),
    "stopped": (stop, "stop_containers"),
}


def arm(moment: str) -> None:
    """Make this process kill itself at this moment."""
    if moment in _AFTER:
        module, name = _AFTER[moment]
        act = getattr(module, name)
        setattr(module, name, lambda *args, **options: (act(*args, **options), _die()))
        return
    write_step = OperationProgress.step

    def step(progress: OperationProgress, name: str, text: str, changes: Sequence[Change] = ()) -> None:
        write_step(progress, name, text, changes)
        if name == moment:
            _die()

    OperationProgress.step = step  # type: ignore[method-assign]


def _die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
