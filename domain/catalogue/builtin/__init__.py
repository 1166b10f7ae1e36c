"""The templates that come with the panel: a YAML file and a logo each, read once."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from domain.catalogue.spec.loading import load
from domain.catalogue.spec.template import Template


@cache
def builtin() -> Mapping[str, Template]:
    """Every template by its slug, in the order of their slugs."""
    sources = sorted((file for file in files(__name__).iterdir() if file.name.endswith(".yaml")), key=lambda f: f.name)
    templates = (load(source.read_text("utf-8")) for source in sources)
    return MappingProxyType({template.id: template for template in templates})


@cache
def logo(icon: str) -> bytes:
    """The image that a template's `icon` names."""
    return (files(__name__) / icon).read_bytes()
