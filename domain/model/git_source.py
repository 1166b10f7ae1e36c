"""Git repositories from which services are built."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class GitSource:
    """A repository, the revision to build, and how its image is built.

    At most one of `branch`, `tag` and `commit` is set; without any, it is the newest commit of the default branch.
    `dockerfile` is relative to `context`, which is a folder of the repository.
    """

    repository: str
    branch: str | None = None
    tag: str | None = None
    commit: str | None = None
    dockerfile: str = "Dockerfile"
    context: str = "."
    build_arguments: dict[str, str] = field(default_factory=dict)

    @property
    def revision(self) -> str:
        """Return the revision in words."""
        for kind in ("branch", "tag", "commit"):
            if name := getattr(self, kind):
                return f"{kind} {name}"
        return "the default branch"
