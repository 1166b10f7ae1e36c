"""Custom templates in the store: read as they were stored, listed without their texts, counted by version."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.catalogue import builtin
from domain.errors import Conflict
from domain.model.template import CustomTemplate
from domain.ports.store import Store

NOW = datetime(2026, 3, 31, tzinfo=UTC)
WORDPRESS = builtin.templates()["wordpress"]


def _stored(slug: str) -> CustomTemplate:
    template = replace(WORDPRESS, id=slug)
    return CustomTemplate(slug, template.summary, template, NOW, NOW, logo="<svg/>")


def test_a_template_is_read_as_it_was_stored(store: Store) -> None:
    with store.begin() as work:
        work.templates.add(_stored("blog"))
    with store.read() as work:
        assert work.templates.get("blog") == _stored("blog")
        assert work.templates.get("other") is None


def test_a_list_has_the_version_of_each_template(store: Store) -> None:
    with store.begin() as work:
        work.templates.add(_stored("blog"))
        work.templates.add(_stored("shop"))
    with store.begin() as work:
        shop = work.templates.get("shop")
        assert shop
        work.templates.save(shop)
    with store.read() as work:
        assert {summary.id: summary.version for summary in work.templates.summaries()} == {"blog": 1, "shop": 2}
        assert work.templates.count() == 2


def test_a_name_is_taken_once_and_free_after_its_template_is_removed(store: Store) -> None:
    with store.begin() as work:
        work.templates.add(_stored("blog"))
    with pytest.raises(Conflict) as refused, store.begin() as work:
        work.templates.add(_stored("blog"))
    assert refused.value.code == "name_taken"
    with store.begin() as work:
        work.templates.remove("blog")
    with store.begin() as work:
        work.templates.add(_stored("blog"))
        assert work.templates.count() == 1
