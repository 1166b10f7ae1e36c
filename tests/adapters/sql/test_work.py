"""A transaction has the repositories that `ports.Work` declares."""

import inspect
from typing import Any, get_origin, get_type_hints

import pytest

from domain.adapters.sql.work import repository_classes
from domain.ports.store import Store, Work

DECLARED = get_type_hints(Work)


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_a_repository_implements_every_method_of_its_protocol(name: str):
    def defined(method: str) -> Any:
        return next(part for part in repository.__mro__ if method in vars(part))

    repository = repository_classes()[name]
    protocol = get_origin(DECLARED[name]) or DECLARED[name]
    methods = [method for method, _ in inspect.getmembers(protocol, inspect.isfunction) if not method.startswith("_")]
    assert methods
    assert protocol in repository.__mro__
    assert not [method for method in methods if getattr(defined(method), "_is_protocol", False)]


def test_a_transaction_creates_a_repository_once_at_its_first_use(store: Store):
    with store.read() as work:
        assert set(vars(work)) == {"block"}
        services = work.services
        assert work.services is services
        assert set(vars(work)) == {"block", "services"}
