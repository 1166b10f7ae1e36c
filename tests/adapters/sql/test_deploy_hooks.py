"""The memory of a deploy hook: deliveries that it has accepted."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.model.deploy_hook import DeployHook, HookDelivery, HookProvider, HookResult
from domain.ports.store import Store
from tests.adapters.sql.entities import NOW, after, service


@pytest.fixture
def hook_id(store: Store) -> str:
    """The ID of a hook of a service."""
    owner = service()
    with store.begin() as work:
        work.services.add(owner)
        for name in ("hook_1", "hook_2"):
            work.deploy_hooks.add(DeployHook(name, owner.id, "Shop", HookProvider.GITHUB, "sealed", NOW))
    return "hook_1"


def _remember(store: Store, hook_id: str, *digests: str, seconds: int = 0, most: int = 100) -> bool:
    with store.begin() as work:
        return work.deploy_hooks.remember(hook_id, digests, after(seconds=seconds), most=most)


def test_a_delivery_is_remembered_by_each_of_its_digests(store: Store, hook_id: str) -> None:
    assert _remember(store, hook_id, "id 1", "body 1")
    assert not _remember(store, hook_id, "id 1", "body 1")
    assert not _remember(store, hook_id, "id 1", "body 2")
    assert not _remember(store, hook_id, "id 2", "body 1")
    assert _remember(store, "hook_2", "id 1", "body 1"), "each hook has a memory of its own"


def test_the_oldest_deliveries_of_a_hook_are_forgotten(store: Store, hook_id: str) -> None:
    assert _remember(store, "hook_2", "other")
    assert all(_remember(store, hook_id, f"{number}", seconds=number, most=3) for number in range(6))
    assert not any(_remember(store, hook_id, f"{number}", seconds=6) for number in (3, 4, 5))
    assert not _remember(store, "hook_2", "other")
    assert _remember(store, hook_id, "0", seconds=7)


def test_of_parallel_blocks_with_one_delivery_one_is_first(store: Store, hook_id: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        firsts = list(pool.map(lambda _: _remember(store, hook_id, "id", "body"), range(8)))
    assert firsts.count(True) == 1


def test_the_last_delivery_is_stored_without_a_new_revision(store: Store, hook_id: str) -> None:
    delivery = HookDelivery(NOW, HookResult.DEPLOYED, "refs/heads/main", None, "dep_1")
    with store.begin() as work:
        work.deploy_hooks.record_delivery(hook_id, delivery)
    with store.read() as work:
        hook = work.deploy_hooks.get(hook_id)
    assert hook
    assert (hook.last_delivery, hook.revision) == (delivery, 1)


def test_hooks_and_their_memory_are_removed_with_the_service(store: Store, hook_id: str) -> None:
    assert _remember(store, hook_id, "id")
    with store.begin() as work:
        hook = work.deploy_hooks.get(hook_id)
        assert hook
        work.services.remove(hook.service_id)
        assert work.deploy_hooks.get(hook_id) is None
