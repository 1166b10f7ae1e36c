"""Images of a release: from which registries they may come, and when the engine's own copy may be used.

What one tenant has pulled is on the engine for all. A tenant gets a copy only as the digest that its own service has
run before. Services that belong to no tenant may use every image of the engine, also one that no registry has.
"""

from domain.definitions.git_fields import BUILT_IMAGE
from domain.ports import Ports
from domain.ports.progress import Progress
from domain.ports.runtime import (
    Image,
    ImageMissing,
    PullFailed,
    RegistryRateLimited,
    RegistryUnavailable,
)
from domain.rollout.registries import pull_from_registry
from domain.rollout.release import Release


def pull_image(ports: Ports, release: Release, reference: str, old: Release | None, progress: Progress) -> Image:
    """Return an image of the release, pulled unless the release names its digest and the engine has that.

    If the registry does not answer, the digest that the version before (`old`) runs is used. Raise PullFailed.
    """
    digest, platform = release.images.get(reference), _platform(release, reference)
    if digest is not None and reference == BUILT_IMAGE:
        return _find_built(ports, digest)
    if digest is not None:
        return ports.runtime.find_image(digest) or pull_from_registry(
            ports, release.customer_id, digest, progress.layers, platform
        )
    try:
        return pull_from_registry(ports, release.customer_id, reference, progress.layers, platform)
    except PullFailed as failed:
        copy = _find_copy(ports, release, reference, old, failed)
        if copy is None:
            raise
        progress.note(f"{failed}; the copy that the engine has is used")
        return copy


def _find_built(ports: Ports, digest: str) -> Image:
    image = ports.runtime.find_image(digest)
    if image is None:
        raise ImageMissing("The engine no longer has the image that was built. Deploy the service again to build it")
    return image


def _platform(release: Release, reference: str) -> str | None:
    """Return the platform that the first component of an image asks for: the engine has one platform of each."""
    components = release.project.components
    return next((each.platform for each in components if each.image == reference and each.platform), None)


def _find_copy(ports: Ports, release: Release, reference: str, old: Release | None, failed: PullFailed) -> Image | None:
    if release.customer_id is None:
        return ports.runtime.find_image(reference)
    digest = old.images.get(reference) if old else None
    away = isinstance(failed, RegistryUnavailable | RegistryRateLimited)
    return ports.runtime.find_image(digest) if digest and away else None
