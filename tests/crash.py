"""Makes a panel kill itself at a chosen moment, as a power cut or an operator would."""

import os
import signal
from typing import Any

from domain import tasks
from domain.rollout import rollout
from domain.work.progress import Report

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
"""A step's name is the moment when the step is written; the others are when what they say is done."""
_AFTER = {
    "created": (rollout, "create"),
    "started": (rollout, "start"),
    "routed": (rollout, "route"),
    "live": (tasks, "_go_live"),
    "cleaned": (tasks, "clean"),
    "erased": (tasks, "_erase"),
    "stopped": (tasks, "_stop_all"),
}


def arm(moment: str) -> None:
    """From now on, die at this moment."""
    if moment in _AFTER:
        module, name = _AFTER[moment]
        act = getattr(module, name)
        setattr(module, name, lambda *given, **named: (act(*given, **named), _die()))
    else:
        step = Report.step
        Report.step = lambda report, name, text: (step(report, name, text), name == moment and _die())  # type: ignore[method-assign, assignment]


def _die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
