"""The templates that come with the panel: a YAML file and a logo each, loaded once."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from domain.catalogue.spec.loading import load
from domain.model.template import Template


@cache
def templates() -> Mapping[str, Template]:
    """Return every template by its slug, in the order of the slugs."""
    sources = sorted((file for file in files(__name__).iterdir() if file.name.endswith(".yaml")), key=lambda f: f.name)
    loaded = (load(source.read_text("utf-8")) for source in sources)
    return MappingProxyType({template.id: template for template in loaded})


def get_template(slug: str) -> Template | None:
    """Return the template of this slug, if there is one."""
    return templates().get(slug)


@cache
def logos() -> Mapping[str, bytes]:
    """Return every image by the name that a template's `icon` has for it."""
    images = (file for file in files(__name__).iterdir() if file.name.endswith(".svg"))
    return MappingProxyType({image.name: image.read_bytes() for image in images})


def logo(icon: str) -> bytes:
    """Return the image that a template's `icon` names, or the image of templates without one."""
    return logos().get(icon) or logos()["template.svg"]
