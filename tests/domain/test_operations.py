"""Requests and cancellations at once never wait for each other's rows, on a database that locks rows."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest

from domain import deployments, operations, services
from domain.adapters.sql.store import open_store
from domain.errors import Refusal
from domain.identity.access import Caller
from domain.ports import Ports

ROUNDS, AT_ONCE = 15, 6


@pytest.fixture
def on_postgres(ports: Ports) -> Iterator[Ports]:
    """The same ports with a schema of their own on a real PostgreSQL."""
    server = os.environ.get("PANEL_TEST_POSTGRES", "")
    assert server, "PANEL_TEST_POSTGRES is not set: scripts/postgres starts a server and prints its URL"
    schema = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        store = open_store(f"{server}&options={quote(f'-csearch_path={schema}')}", ports.vault)
        yield replace(ports, store=store)
        store.close()
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


def _asked_at_once(ports: Ports, caller: Caller, name: str) -> list[str]:
    body = {"name": name, "deploy_method": "image", "image": "a"}
    made: Any = services.create_service(ports, caller, body).result
    service_id, ready = made.service.id, Barrier(AT_ONCE)
    acts = (
        lambda: deployments.deploy_service(ports, caller, service_id),
        lambda: deployments.deploy_service(ports, caller, service_id),
        lambda: deployments.stop_service(ports, caller, service_id),
        lambda: deployments.cancel_deployment(ports, caller, made.deployment_id),
        lambda: operations.cancel_operation(ports, caller, made.queued_operation_id),
        lambda: services.update_service(ports, caller, service_id, {"deploy_timeout": 3}),
    )

    def called(number: int) -> str:
        ready.wait()
        try:
            acts[number]()
        except Refusal as refused:
            return refused.code
        return "done"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(called, range(AT_ONCE)))


@pytest.mark.postgres
def test_requests_and_cancellations_at_once_never_deadlock(on_postgres: Ports, admin: Caller) -> None:
    answers = {code for number in range(ROUNDS) for code in _asked_at_once(on_postgres, admin, f"web-{number}")}
    assert answers <= {"done", "already_ended", "wrong_state"}, "neither a deadlock nor a row changed by somebody else"
