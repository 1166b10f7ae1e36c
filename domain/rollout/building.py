"""Build the image of a service from git: fetch the revision, pull the base images, let the engine build."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from domain.definitions.git_fields import BUILT_IMAGE
from domain.model.git_source import GitSource
from domain.model.operation import Operation
from domain.ports import Ports
from domain.ports.builder import Build, ContextFile
from domain.ports.git import Entry, Tree
from domain.ports.progress import Change, Progress
from domain.ports.store import Work
from domain.rollout.build_context import context_entries, context_files, read_dockerfile
from domain.rollout.build_log import BuildLog
from domain.rollout.dockerfile import base_images
from domain.rollout.registries import pull_from_registry
from domain.rollout.release import Release
from domain.rollout.repository import open_repository


@dataclass(frozen=True)
class _Context:
    """The files of a build, which are read again in each try."""

    tree: Tree
    entries: Mapping[str, Entry]

    def __iter__(self) -> Iterator[ContextFile]:
        return context_files(self.tree, self.entries)


def build_image(ports: Ports, release: Release, progress: Progress) -> Release:
    """Return the release with the image that is built from its repository.

    A release that is not from git, or that has its image already, is returned as it is. Raise FetchFailed, BuildFailed,
    PullFailed for a base image, or TaskFailed for what the panel does not build.
    """
    source = release.git
    if source is None or BUILT_IMAGE in release.images:
        return release
    progress.step("fetching", f"Fetching {source.revision} of {source.repository}")
    with open_repository(ports, source, progress.check) as tree:
        progress.step("building", f"Building commit {tree.commit}", changes=[_keep_commit(tree.commit)])
        image = ports.runtime.build(_build(ports, release, source, tree, progress), BuildLog(ports, progress).add)
    progress.log(f"Built {image.digest}")
    return release.with_image(replace(image, reference=BUILT_IMAGE))


def _build(ports: Ports, release: Release, source: GitSource, tree: Tree, progress: Progress) -> Build:
    """Return what to build, after its base images were pulled with the logins of the service's customer."""
    entries = context_entries(tree, source.context)
    text = read_dockerfile(tree, entries, source.dockerfile)
    for image in base_images(text, source.build_arguments):
        progress.log(f"Pulling {image.reference}")
        pull_from_registry(ports, release.customer_id, image.reference, progress.layers, image.platform)
    return Build(
        context=_Context(tree, entries),
        dockerfile=source.dockerfile,
        arguments=source.build_arguments,
        tag=f"ai-admin-panel/built:{release.deployment_id}",
        labels=release.labels,
    )


def _keep_commit(commit: str) -> Change:
    def change(work: Work, operation: Operation) -> None:
        deployment = work.deployments.get(operation.deployment_id or "")
        if deployment is not None:
            work.deployments.save(replace(deployment, commit=commit))

    return change
