"""From an event to plain words, and whether they are good news."""

from handlers.program.watch.messages import Message

Words = tuple[str, str]
"""What happened, and the style to say it in."""

GOOD, BAD, DULL = "green", "red", ""
ENDED_BADLY = frozenset({"failed", "cancelled", "rolled_back"})
_STEPS = {
    "pulling": "pulling images",
    "creating": "creating containers",
    "starting": "starting containers",
    "checking": "waiting until everything is healthy",
    "routing": "moving visitors to the new version",
    "cleaning": "cleaning up",
    "stopping": "stopping containers",
    "restarting": "starting one container after the other again",
    "removing": "removing everything",
}
_DEPLOYMENT = {
    **_STEPS,
    "queued": "a deployment waits for its turn",
    "succeeded": "deployed",
    "failed": "the deployment failed",
    "cancelled": "the deployment was cancelled",
    "rolled_back": "the deployment failed, and the old version was brought back",
}
_SERVICE = {"running": "running", "stopped": "stopped", "failed": "down", "deleted": "deleted"}
_STYLES = {"succeeded": GOOD, "running": GOOD, "failed": BAD, "rolled_back": BAD, "cancelled": "yellow"}


def of(message: Message) -> Words | None:
    """None for what other messages tell already."""
    tell = {"deploy.progress": _deployment, "operation.progress": _operation, "service.status": _service}
    return tell[message.type](message) if message.type in tell else None


def pulls(message: Message) -> bool:
    """Whether it tells how far a deployment's images have come."""
    return message.type == "operation.progress" and _going_on(message) and message.data["step"] == "pulling"


def _going_on(message: Message) -> bool:
    return bool(message.data["status"] == "running")


def _deployment(message: Message) -> Words | None:
    status = message.data["status"]
    return (_DEPLOYMENT[status], _STYLES.get(status, DULL)) if status in _DEPLOYMENT else None


def _operation(message: Message) -> Words | None:
    """How it ends well is told by the state of its service; deployments tell of themselves."""
    kind, status, step = (message.data[name] for name in ("kind", "status", "step"))
    if kind == "deploy":
        return None
    if status in ENDED_BADLY:
        return f"{kind}: {status}", _STYLES[status]
    if status == "running" and step:
        return f"{kind}: {_STEPS.get(step, step)}", DULL
    return (f"{kind}: waits for its turn", DULL) if status == "queued" else None


def _service(message: Message) -> Words | None:
    status, url = message.data["status"], message.data["url"]
    if status not in _SERVICE:
        return None
    at = f" at {url}" if status == "running" and url else ""
    return f"{_SERVICE[status]}{at}", _STYLES.get(status, DULL)
