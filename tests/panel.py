"""The whole panel in one process, for tests: a real store, in-memory adapters, every response checked."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from domain import api_keys
from domain.model.role import Role
from domain.ports import Ports
from domain.settings import Settings
from handlers import routing, server
from handlers.program.worker import Worker
from tests import conformance, fake_ports
from tests.conformance import READ_DOCUMENT

ORIGIN = "http://testserver"


@dataclass
class Panel:
    """A panel to which tests send requests; `work()` runs its queued operations."""

    ports: Ports
    app: Any
    portal: BlockingPortal
    worker: Worker
    admin: str

    def key(self, role: Role | str = Role.ADMIN, customer_id: str | None = None, **fields: Any) -> str:
        """Create an API key and return its text; `fields` are those of model.ApiKey."""
        text = api_keys.create_unbounded_key(self.ports, f"{role} key", Role(role), customer_id)
        if fields:
            with self.ports.store.begin() as work:
                row = work.api_keys.by_prefix(text[:12])
                assert row
                work.api_keys.save(replace(row, **fields))
        return text

    def request(self, method: str, path: str, *, key: str | None = "", **options: Any) -> httpx.Response:
        """Send a request to a path below /api. The key None sends no credentials, "" the admin's."""
        headers = {} if key is None else {"Authorization": f"Bearer {key or self.admin}"}
        headers |= options.pop("headers", {})
        response = self.portal.call(self._send, method, f"/api{path}", headers, options)
        conformance.check_response(method, response)
        return response

    def session(self, key: str = "", **headers: str) -> dict[str, str]:
        """Create a session of the key; return the headers that a browser sends, its cookie and the panel's origin."""
        made = self.post("/auth/sessions", key=key, headers=headers)
        assert made.status_code == 201, made.text
        return {"Cookie": made.headers["set-cookie"].partition(";")[0], "Origin": ORIGIN}

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("POST", path, **({"json": json} if json is not None else {}), **options)

    def put(self, path: str, json: Any, **options: Any) -> httpx.Response:
        return self.request("PUT", path, json=json, **options)

    def patch(self, path: str, json: Any, **options: Any) -> httpx.Response:
        return self.request("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        """Send DELETE; a worker works meanwhile, since deleting a service waits for its operation."""
        return self.request_with_worker("DELETE", path, **options)

    def request_with_worker(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request; a worker runs queued operations until the response comes."""
        with ThreadPoolExecutor(1) as pool:
            response = pool.submit(self.request, method, path, **options)
            while not response.done():
                self.work()
                self.ports.notifier.wait(0.01)
            return response.result()

    def work(self) -> None:
        """Run all queued operations."""
        self.worker.run_until_idle()

    def service(self, name: str = "web", **fields: Any) -> dict[str, Any]:
        """Create a service and wait until it runs; from the image `ai-admin-panel/hello:1`, unless `fields` differ."""
        key = fields.pop("key", "")
        body = {"name": name, "deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080, **fields}
        created = self.post("/services", body, key=key)
        assert created.status_code == 201, created.text
        self.work()
        return dict(self.get(f"/services/{created.json()['id']}", key=key).json())

    async def _send(self, method: str, url: str, headers: dict[str, str], options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, timeout=90) as client:
            return await client.request(method, url, headers=headers, **options)


@contextmanager
def start_panel(
    folder: Path, database_url: str = "", adapters: Mapping[str, Any] | None = None, **settings: Any
) -> Iterator[Panel]:
    """Start a panel with its data in `folder`, which may have data of an earlier panel. `adapters` replace ports."""
    limits = dict.fromkeys(("rate_limit_default", "rate_limit_authenticated", "rate_limit_deploy"), 1_000_000)
    configured = Settings(data_dir=folder, database_url=database_url, runtime="memory", **{**limits, **settings})
    with fake_ports.open_ports(
        configured, operations_by_permission=routing.operations_by_permission(READ_DOCUMENT), **(adapters or {})
    ) as ports:
        admin = api_keys.create_first_key(ports) or api_keys.create_unbounded_key(ports, "admin again", Role.ADMIN)
        with start_blocking_portal() as portal:
            yield Panel(ports, server.create(ports, document=READ_DOCUMENT), portal, Worker(ports), admin)
