"""The repositories of a block, as `ports.Work` declares them."""

from functools import cached_property
from importlib import import_module
from typing import Any, cast, get_type_hints

from domain.adapters.sql.reading import Block
from domain.ports.store import Work


def repository_classes() -> dict[str, type[Any]]:
    """Return the class for each attribute of `ports.Work`: `repositories.api_keys.ApiKeys` for `api_keys`."""
    return {name: _repository_class(name) for name in get_type_hints(Work)}


def _repository_class(name: str) -> type[Any]:
    module = import_module(f"domain.adapters.sql.repositories.{name}")
    return cast(type[Any], getattr(module, "".join(word.capitalize() for word in name.split("_"))))


class _Repositories:
    def __init__(self, block: Block) -> None:
        self.block = block


def _made_when_used(repository: type[Any]) -> cached_property[Any]:
    return cached_property(lambda work: repository(work.block))


# A block costs only the repositories that it uses.
_SqlWork = type(
    "SqlWork",
    (_Repositories,),
    {name: _made_when_used(repository) for name, repository in repository_classes().items()},
)


def repositories(block: Block) -> Work:
    """Return the repositories of a block, each made when the block first uses it."""
    return cast(Work, _SqlWork(block))
