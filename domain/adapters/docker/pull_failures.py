"""What the engine's message about a failed pull or login means."""

from domain.model.image_reference import registry_of
from domain.ports.runtime import (
    EngineRefused,
    ImageMissing,
    PullFailed,
    RegistryRateLimited,
    RegistryRefused,
    RegistryUnavailable,
)

# Words of the messages of Docker 20.10 to 29, in the order in which they decide: the first line with a match counts.
_MEANINGS: tuple[tuple[type[PullFailed], tuple[str, ...]], ...] = (
    (RegistryRateLimited, ("toomanyrequests", "too many requests", "rate limit", "http 429")),
    (
        ImageMissing,
        ("manifest unknown", "name unknown", "not found", "does not exist or may require", "no matching", "http 404"),
    ),
    (
        RegistryRefused,
        (
            "no basic auth credentials",
            "unauthorized",
            "denied",
            "incorrect username or password",
            "forbidden",
            "authentication required",
            "http 401",
            "http 403",
        ),
    ),
)
_TEXTS: dict[type[PullFailed], str] = {
    RegistryRateLimited: "The registry {registry} limits how often images are pulled. Try again later",
    ImageMissing: "The registry {registry} has no image {reference}, or shows it only with a login",
    RegistryRefused: "The registry {registry} denies access to the image {reference}",
    RegistryUnavailable: "The registry {registry} does not answer, or not as registries do",
}


def pull_failure(reference: str, message: str) -> PullFailed | EngineRefused:
    """Return the failure of a pull in the panel's own words. The message may quote any server, so it is not used."""
    if "no space left" in message.lower():
        return EngineRefused("The engine's disk is full. Free space: docker system df shows what uses it")
    fault = _meaning(message)
    return fault(_TEXTS[fault].format(registry=registry_of(reference), reference=reference))


def login_failure(host: str, message: str) -> PullFailed:
    """Return the failure of a login at a registry."""
    fault = _meaning(message)
    if fault is RegistryRefused:
        return RegistryRefused(f"The registry {host} does not accept this username and password")
    if fault is ImageMissing:  # a server without an API of registries answers 404
        fault = RegistryUnavailable
    return fault(_TEXTS[fault].format(registry=host))


def _meaning(message: str) -> type[PullFailed]:
    text = message.lower()
    return next((fault for fault, words in _MEANINGS if any(word in text for word in words)), RegistryUnavailable)
