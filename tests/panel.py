"""The whole panel in one process, for tests: real store, twins of the rest, responses held to the document."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from domain import api_keys
from domain.adapters import counting, fernet, memory, system, twins
from domain.adapters.sql.store import open_store
from domain.model import Role
from domain.ports import Ports
from domain.settings import Settings
from handlers import routing, server
from handlers.openapi31 import Document, Match, ResponseChecks, Router
from handlers.published import DOCUMENT
from handlers.worker import Worker

CANARY = "canary-7f3a9c-secret"
"""Store it as a secret: any response that shows it, but for `env/reveal`, fails the test."""
ORIGIN = "http://testserver"
_HEADERS = ("x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
READ_DOCUMENT = Document.load(DOCUMENT.content)
_CHECKS = ResponseChecks(READ_DOCUMENT)
_ROUTER = Router(READ_DOCUMENT.operations(), "/api")


@dataclass
class Panel:
    """Ask it over HTTP; `work()` carries out what is queued. `seen` collects (operation, status) of all responses."""

    ports: Ports
    app: Any
    portal: BlockingPortal
    worker: Worker
    admin: str
    seen: list[tuple[str, int]] = field(default_factory=list)

    def key(self, role: Role | str = Role.ADMIN, customer_id: str | None = None, **fields: Any) -> str:
        """The text of a new key; `fields` as in model.ApiKey."""
        text = api_keys.make_key(self.ports, f"{role} key", Role(role), customer_id)
        if fields:
            with self.ports.store.begin() as work:
                row = work.api_keys.by_prefix(text[:12])
                assert row
                work.api_keys.save(replace(row, **fields))
        return text

    def request(self, method: str, path: str, *, key: str | None = "", **options: Any) -> httpx.Response:
        """`path` is below /api; `key` None sends no credentials, "" the admin's."""
        headers = {} if key is None else {"Authorization": f"Bearer {key or self.admin}"}
        headers |= options.pop("headers", {})
        response = self.portal.call(self._send, method, f"/api{path}", headers, options)
        self.check(method, response)
        return response

    def session(self, key: str = "", **headers: str) -> dict[str, str]:
        """What a browser sends from then on: the cookie of a new session of the key, and the panel's own origin."""
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
        """Deleting a service waits for its work: a worker carries it out meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(self.request, "DELETE", path, **options)
            while not answer.done():
                self.work()
                self.ports.feed.wait(0.01)
            return answer.result()

    def work(self) -> None:
        """Carry out everything that is queued."""
        self.worker.run_until_idle()

    def service(self, name: str = "web", **fields: Any) -> dict[str, Any]:
        """A running service from the image `ai-admin-panel/hello:1`, unless the fields say otherwise."""
        key = fields.pop("key", "")
        body = {"name": name, "deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080, **fields}
        created = self.post("/services", body, key=key)
        assert created.status_code == 201, created.text
        self.work()
        return dict(self.get(f"/services/{created.json()['id']}", key=key).json())

    def check(self, method: str, response: httpx.Response) -> None:
        """Hold a response to the document, to the headers of every response, and to secrecy."""
        path = response.request.url.raw_path.decode().partition("?")[0]
        found = _ROUTER.match(method, path)
        for header in _HEADERS:
            assert header in response.headers, f"{method} {path} answers without {header}"
        if not isinstance(found, Match):
            bodiless = method == "HEAD" or path.startswith("/api/docs")
            assert bodiless or response.json()["error"]["code"], response.text
            return
        self.seen.append((found.operation.operation_id, response.status_code))
        body = None if method == "HEAD" else response.content
        problems = _CHECKS.check(found.operation, response.status_code, dict(response.headers), body)
        assert not problems, f"{problems}: {response.text[:500]}"
        if found.operation.operation_id != "reveal_environment":
            assert CANARY not in response.text + str(response.headers), f"{found.operation.operation_id} shows a secret"

    async def _send(self, method: str, url: str, headers: dict[str, str], options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, timeout=90) as client:
            return await client.request(method, url, headers=headers, **options)


@contextmanager
def running(folder: Path, database_url: str = "", **settings: Any) -> Iterator[Panel]:
    """A panel with its data in `folder`, where another may have been before."""
    limits = dict.fromkeys(("rate_limit_default", "rate_limit_authenticated", "rate_limit_deploy"), 1_000_000)
    configured = Settings(data_dir=folder, database_url=database_url, runtime="memory", **{**limits, **settings})
    vault = fernet.Vault(folder / "secrets.key")
    feed = system.Feed()
    store = open_store(database_url or f"sqlite:///{folder / 'panel.db'}", vault, feed.nudge)
    ports = Ports(
        settings=configured,
        store=store,
        runtime=memory.Runtime(),
        router=twins.Router(),
        counter=counting.Counter(),
        vault=vault,
        clock=system.Clock(),
        feed=feed,
        instance=store.instance,
        openings=routing.openings(READ_DOCUMENT),
    )
    admin = api_keys.first_key(ports) or api_keys.make_key(ports, "admin again", Role.ADMIN)
    with start_blocking_portal() as portal:
        yield Panel(ports, server.create(ports), portal, Worker(ports), admin)
    store.close()
