"""Describe events for a person, in a style that shows success or failure."""

from handlers.program.watch.messages import Message

StyledText = tuple[str, str]
"""A description and its terminal style."""

SUCCESS, FAILURE, NEUTRAL = "green", "red", ""
UNSUCCESSFUL = frozenset({"failed", "cancelled", "rolled_back"})
_STEPS = {
    "fetching": "fetching the repository",
    "building": "building the image",
    "pulling": "pulling images",
    "creating": "creating containers",
    "starting": "starting containers",
    "checking": "waiting until all containers are healthy",
    "routing": "routing requests to the new version",
    "cleaning": "cleaning up",
    "stopping": "stopping containers",
    "restarting": "restarting the containers one by one",
    "removing": "removing containers and networks",
}
_DEPLOYMENT = {
    **_STEPS,
    "queued": "the deployment is queued",
    "succeeded": "deployed",
    "failed": "the deployment failed",
    "cancelled": "the deployment was cancelled",
    "rolled_back": "the deployment failed, and the old version was restored",
}
_SERVICE = {"running": "running", "stopped": "stopped", "failed": "down", "deleted": "deleted"}
_STYLES = {"succeeded": SUCCESS, "running": SUCCESS, "failed": FAILURE, "rolled_back": FAILURE, "cancelled": "yellow"}


def describe(message: Message) -> StyledText | None:
    """Return a description, or None if another message carries the same news."""
    describers = {"deploy.progress": _deployment, "operation.progress": _operation, "service.status": _service}
    return describers[message.type](message) if message.type in describers else None


def is_pull_progress(message: Message) -> bool:
    """Return whether the message reports the progress of a deployment's image pull."""
    return message.type == "operation.progress" and _is_running(message) and message.data["step"] == "pulling"


def _is_running(message: Message) -> bool:
    return bool(message.data["status"] == "running")


def _deployment(message: Message) -> StyledText | None:
    status = message.data["status"]
    return (_DEPLOYMENT[status], _STYLES.get(status, NEUTRAL)) if status in _DEPLOYMENT else None


def _operation(message: Message) -> StyledText | None:
    """Describe operations apart from deployments, which have their own events, and success, which the service shows."""
    kind, status, step = (message.data[name] for name in ("kind", "status", "step"))
    if kind == "deploy":
        return None
    if status in UNSUCCESSFUL:
        return f"{kind}: {status}", _STYLES[status]
    if status == "running" and step:
        return f"{kind}: {_STEPS.get(step, step)}", NEUTRAL
    return (f"{kind}: queued", NEUTRAL) if status == "queued" else None


def _service(message: Message) -> StyledText | None:
    status, url = message.data["status"], message.data["url"]
    if status not in _SERVICE:
        return None
    at = f" at {url}" if status == "running" and url else ""
    return f"{_SERVICE[status]}{at}", _STYLES.get(status, NEUTRAL)
