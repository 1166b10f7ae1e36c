"""A template: what its file (spec v2) says, checked so far that only the engine can still refuse it."""

from domain.template.loading import load
from domain.template.rendering import render
from domain.template.words import Category, Expose, MinResources, Template, TemplateVariable

__all__ = [
    "Category",
    "Expose",
    "MinResources",
    "Template",
    "TemplateVariable",
    "load",
    "render",
]
