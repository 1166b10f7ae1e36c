"""Requests that wait for the write lock occupy no thread of others."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.identity import tokens
from tests.locks import write_lock
from tests.panel import Panel

PATIENCE = 5.0  # seconds; far less than the lock is waited for


def test_45_waiting_posts_delay_neither_health_nor_reads(panel: Panel) -> None:
    with ThreadPoolExecutor(45) as clients:
        with write_lock(panel):
            posts = [clients.submit(panel.post, "/v1/api-keys", {"name": "ci", "role": "viewer"}) for _ in range(45)]
            time.sleep(0.5)
            start = time.monotonic()
            assert panel.get("/health", key=None).status_code == 200
            assert panel.get("/services").status_code == 200
            assert time.monotonic() - start < PATIENCE
            assert not any(post.done() for post in posts)
        assert {post.result().status_code for post in posts} == {201}


def test_45_waiting_deletions_delay_no_request_that_waits_for_an_operation(panel: Panel) -> None:
    service = panel.service()
    operation = panel.get("/operations").json()["data"][0]["id"]
    with ThreadPoolExecutor(45) as clients:
        with write_lock(panel):
            path = f"/services/{service['id']}?dry_run=true"
            deletions = [clients.submit(panel.request, "DELETE", path) for _ in range(45)]
            time.sleep(0.5)
            start = time.monotonic()
            assert panel.get(f"/operations/{operation}?wait=1").status_code == 200
            assert time.monotonic() - start < PATIENCE
            assert not any(deletion.done() for deletion in deletions)
        assert {deletion.result().status_code for deletion in deletions} == {202}


@pytest.mark.parametrize("path", ["/ws?ticket={}", "/ws?ticket={}&after=1"])
def test_unknown_tickets_are_refused_without_the_write_lock(panel: Panel, path: str) -> None:
    with write_lock(panel), ThreadPoolExecutor(8) as clients:
        start = time.monotonic()
        refused = [clients.submit(panel.get, path.format(tokens.new_ticket()), key=None) for _ in range(8)]
        assert {request.result().status_code for request in refused} == {401}
        assert time.monotonic() - start < PATIENCE


def test_waiting_tickets_delay_no_authentication(panel: Panel) -> None:
    tickets = [panel.post("/ws/tickets").json()["ticket"] for _ in range(8)]
    with ThreadPoolExecutor(8) as clients:
        with write_lock(panel):
            waiting = [clients.submit(panel.get, f"/ws?ticket={ticket}", key=None) for ticket in tickets]
            time.sleep(0.5)
            start = time.monotonic()
            assert panel.get("/auth/me").status_code == 200
            assert time.monotonic() - start < PATIENCE
            assert not any(request.done() for request in waiting)
        assert {request.result().status_code for request in waiting} == {426}
