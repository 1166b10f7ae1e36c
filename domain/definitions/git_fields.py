"""The fields of a request that name a git repository, and what becomes of them."""

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NotRequired, TypedDict

from domain import compose
from domain.errors import Invalid
from domain.model.git_source import GitSource

BUILT_IMAGE = "ai-admin-panel/built:git"
"""The name of the image in compose texts of services from git. No registry has it: each deployment has its own."""
_REVISIONS = ("branch", "tag", "commit")
_MOST_ARGUMENTS = 50
_FRONTEND = "BUILDKIT_"
"""Build arguments of this prefix choose what reads the Dockerfile: any image of any registry."""


class GitCreate(TypedDict):
    """The repository of a new service."""

    repository: str
    branch: NotRequired[str]
    tag: NotRequired[str]
    commit: NotRequired[str]
    dockerfile: NotRequired[str]
    context: NotRequired[str]
    build_arguments: NotRequired[dict[str, str]]


class GitUpdate(TypedDict, total=False):
    """A merge patch of a service's repository."""

    repository: str
    branch: str | None
    tag: str
    commit: str
    dockerfile: str
    context: str
    build_arguments: dict[str, str | None]


def new_git_source(fields: GitCreate) -> GitSource:
    """Return the source of a new service. Raise Invalid if fields contradict each other."""
    return _checked(GitSource(**fields), fields)


def changed_git_source(before: GitSource, change: GitUpdate) -> GitSource:
    """Return the source after a merge patch. Raise Invalid as `new_git_source` does."""
    fields: dict[str, Any] = {**change}
    if any(revision in change for revision in _REVISIONS):
        fields = dict.fromkeys(_REVISIONS) | fields
    if "build_arguments" in change:
        merged = {**before.build_arguments, **change["build_arguments"]}
        fields["build_arguments"] = {name: value for name, value in merged.items() if value is not None}
    return _checked(replace(before, **fields), change)


def git_text(port: int | None) -> str:
    """Return the compose text of a service from git."""
    return compose.for_image(BUILT_IMAGE, port, None)


def _checked(source: GitSource, given: Mapping[str, object]) -> GitSource:
    named = [revision for revision in _REVISIONS if given.get(revision) is not None]
    wrong = {f"git.{name}": f"give it or {named[0]}, not both" for name in named[1:]}
    wrong |= {
        f"git.{field}": "leaves its folder: use a path without .."
        for field in ("dockerfile", "context")
        if ".." in getattr(source, field).split("/")
    }
    wrong |= {
        f"git.build_arguments.{name}": "cannot be set"
        for name in source.build_arguments
        if name.upper().startswith(_FRONTEND)
    }
    if len(source.build_arguments) > _MOST_ARGUMENTS:
        wrong["git.build_arguments"] = f"the service would have more than {_MOST_ARGUMENTS}"
    if wrong:
        raise Invalid(wrong)
    return replace(source, dockerfile=posixpath.normpath(source.dockerfile), context=posixpath.normpath(source.context))
