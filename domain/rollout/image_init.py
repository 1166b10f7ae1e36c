"""Whether containers run with the engine's init process, where the text does not say."""

from dataclasses import replace

from domain.model.project import Component, Project
from domain.ports.runtime import Image

# Init processes of images: s6-overlay's and that of a whole system refuse to run as another process than the first,
# and the others would have nothing to do.
_INITS = frozenset({"catatonit", "docker-init", "dumb-init", "init", "s6-svscan", "systemd", "tini"})


def choose_init(project: Project, image: Image) -> Project:
    """Return the project with an init process for the image's components, except where the image has its own.

    It forwards signals, so that containers stop at once, and ends processes whose parents have ended.
    """
    for component in project.components:
        if component.image == image.reference and component.init is None:
            project = project.replace_component(replace(component, init=not _has_own(component, image)))
    return project


def _has_own(component: Component, image: Image) -> bool:
    argv = (*(image.entrypoint if component.entrypoint is None else component.entrypoint), *(component.command or ()))
    return bool(argv) and argv[0].rpartition("/")[2] in _INITS
