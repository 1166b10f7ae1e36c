"""Logos of custom templates: what draws is accepted; what loads, runs or grows is refused."""

import pytest

from domain.catalogue import builtin
from domain.catalogue.logos import MOST_CHARACTERS, check_logo
from domain.errors import Invalid

GRADIENT = '<defs><linearGradient id="g"><stop offset="0" stop-color="#fff"/></linearGradient></defs>'


def svg(content: str, attributes: str = "") -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"{attributes}>{content}</svg>'


def test_every_logo_of_the_catalogue_would_be_accepted_from_a_request():
    for image in builtin.logos().values():
        assert check_logo(image.decode())


@pytest.mark.parametrize(
    "content",
    [
        '<title>Notes &amp; more</title><path d="M1 1L2 2Z" fill="none" stroke="#1e293b"/>',
        f'{GRADIENT}<rect width="64" height="64" fill="url(#g)"/>',
        '<g transform="translate(1 2) rotate(45)"><circle r="3" fill="rgb(1, 2, 3)"/></g>',
    ],
)
def test_shapes_gradients_and_descriptions_are_accepted(content: str):
    assert check_logo(svg(content)) == svg(content)


@pytest.mark.parametrize(
    "content",
    [
        "<script>alert(1)</script>",
        "<SCRIPT>alert(1)</SCRIPT>",
        '<path d="M1 1" onclick="alert(1)"/>',
        '<path d="M1 1" ONLOAD="alert(1)"/>',
        '<a href="javascript:alert(1)"><path d="M1 1"/></a>',
        '<image href="http://169.254.169.254/"/>',
        '<use href="#a"/>',
        '<use xlink:href="#a" xmlns:xlink="http://www.w3.org/1999/xlink"/>',
        '<rect xlink:href="https://evil.example" xmlns:xlink="http://www.w3.org/1999/xlink"/>',
        "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'/></foreignObject>",
        "<h:script xmlns:h='http://www.w3.org/1999/xhtml'>alert(1)</h:script>",
        "<script xmlns=''>alert(1)</script>",
        "<style>*{background:url(//evil.example)}</style>",
        '<rect style="background:url(//evil.example)"/>',
        '<rect fill="url(https://evil.example/#a)"/>',
        '<rect fill="URL ( //evil.example )"/>',
        '<rect fill="u\\72l(//evil.example)"/>',
        '<rect fill="none" stroke="url(#g) url(//evil.example)"/>',
        '<animate attributeName="href" to="javascript:alert(1)"/>',
        '<set attributeName="onload" to="alert(1)"/>',
        "<filter/>",
        "<!-- text --><rect/>",
        "<![CDATA[<script>]]>",
        '<?xml-stylesheet href="//evil.example"?>',
    ],
)
def test_what_loads_or_runs_is_refused(content: str):
    with pytest.raises(Invalid) as refused:
        check_logo(svg(content))
    assert refused.value.fields.keys() == {"logo"}


@pytest.mark.parametrize(
    "image",
    [
        svg("", ' onload="alert(1)"'),
        '<!DOCTYPE svg [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>' + svg("<title>&b;</title>"),
        '<!DOCTYPE svg SYSTEM "file:///etc/passwd">' + svg(""),
        svg("<title>&unknown;</title>"),
        '<svg viewBox="0 0 64 64"/>',
        '<html xmlns="http://www.w3.org/1999/xhtml"/>',
        "no image",
        svg("<title>\0</title>"),
        svg("<title>\ud800</title>"),
        svg("<rect/>" * 500),
        svg(f"<title>{'x' * MOST_CHARACTERS}</title>"),
        svg("<g>" * 2000 + "</g>" * 2000),
    ],
)
def test_what_is_no_small_image_is_refused(image: str):
    with pytest.raises(Invalid):
        check_logo(image)
