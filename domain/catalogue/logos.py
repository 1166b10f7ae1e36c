"""The rules for logos that come with a request: an SVG image of plain shapes, which cannot load or run anything."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from domain.errors import Invalid

MOST_CHARACTERS = 16_384
_MOST_ELEMENTS = 500
_NAMESPACE = "{http://www.w3.org/2000/svg}"
_SHAPES = frozenset({"circle", "ellipse", "line", "path", "polygon", "polyline", "rect"})
_ELEMENTS = _SHAPES | {"svg", "g", "defs", "title", "desc", "linearGradient", "radialGradient", "stop"}
_ATTRIBUTES = frozenset(
    {
        *("aria-label", "cx", "cy", "d", "fill", "fill-opacity", "fill-rule", "fx", "fy", "gradientTransform"),
        *("gradientUnits", "height", "id", "offset", "opacity", "points", "r", "role", "rx", "ry", "spreadMethod"),
        *("stop-color", "stop-opacity", "stroke", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"),
        *("stroke-miterlimit", "stroke-opacity", "stroke-width", "transform", "viewBox", "width", "x", "x1", "x2"),
        *("y", "y1", "y2"),
    }
)
_VALUE = re.compile(r"(?:url\(#[\w-]+\)|(?:(?!url\s*\()[^\\<>&:;@])*)", re.IGNORECASE)


def check_logo(svg: str) -> str:
    """Return the image. Raise Invalid if it has anything but shapes, gradients and texts that describe them."""
    fault = next(_faults(svg), None)
    if fault:
        raise Invalid({"logo": fault})
    return svg


def _faults(svg: str) -> Iterator[str]:
    if len(svg) > MOST_CHARACTERS:
        yield f"Is longer than {MOST_CHARACTERS} characters"
    elif "<!" in svg or "<?" in svg:
        yield "Remove comments, declarations and processing instructions, which begin with <! or <?"
    else:
        yield from _content_faults(svg)


def _content_faults(svg: str) -> Iterator[str]:
    try:
        root = ElementTree.fromstring(svg)  # noqa: S314 - without declarations there are no entities to expand
    except (ElementTree.ParseError, ValueError):
        yield "Is not XML"
        return
    elements = list(root.iter())
    if root.tag != f"{_NAMESPACE}svg":
        yield 'The root element must be <svg xmlns="http://www.w3.org/2000/svg">'
    if len(elements) > _MOST_ELEMENTS:
        yield f"Has more than {_MOST_ELEMENTS} elements"
    for element in elements:
        yield from _element_faults(element)


def _element_faults(element: ElementTree.Element) -> Iterator[str]:
    name = element.tag.removeprefix(_NAMESPACE)
    if name not in _ELEMENTS or not element.tag.startswith(_NAMESPACE):
        yield f"Remove the element {name[:50]}. Allowed: {', '.join(sorted(_ELEMENTS))}"
    for attribute, value in element.items():
        if attribute not in _ATTRIBUTES:
            yield f"Remove the attribute {attribute[:50]} of {name}. Allowed: {', '.join(sorted(_ATTRIBUTES))}"
        elif not _VALUE.fullmatch(value):
            yield f"Remove the reference or the escape from the attribute {attribute} of {name}"
