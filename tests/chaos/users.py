"""Simulated users: create, deploy, cancel, stop, start, scale and delete services concurrently."""

from collections.abc import Callable
from random import Random
from threading import Event, Thread
from typing import Any

from tests.chaos.client import CreatedService, Endpoint, RecordedRequest, RequestLog, RetryingClient
from tests.chaos.fixtures import ImageFixtures

_MAX_SERVICES, _MIN_SERVICES = 9, 4
_WEIGHTS = {
    "create": 4,
    "deploy": 5,
    "cancel": 3,
    "stop": 2,
    "start": 3,
    "restart": 1,
    "scale": 2,
    "rollback": 1,
    "delete": 2,
}
_PAUSE_SECONDS = (0.1, 0.9)


class SimulatedUser:
    """A user in a thread; its actions depend on the seed and on the existing services."""

    def __init__(
        self, number: int, seed: int, request_log: RequestLog, images: ImageFixtures, endpoint: Endpoint
    ) -> None:
        self._random = Random(f"{seed}/{number}")
        self._request_log = request_log
        self._images = images
        self._done, self._stopping = Event(), Event()
        self._client = RetryingClient(endpoint, self._random, self._stopping)
        self._name = f"a{number}"
        self._created = 0
        self.thread = Thread(target=self._run, name=f"user {number}", daemon=True)

    def finish(self) -> None:
        """Send no new requests, but continue to retry the pending one."""
        self._done.set()

    def stop(self) -> None:
        """Stop retrying, and end the thread."""
        self._stopping.set()
        self.thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._done.wait(self._random.uniform(*_PAUSE_SECONDS)):
            self._perform_action()

    def _perform_action(self) -> None:
        services = self._request_log.not_deleted()
        action = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        if len(services) < _MIN_SERVICES or (action == "create" and len(services) < _MAX_SERVICES):
            self._create()
        elif action != "create" and services:
            _ACTIONS[action](self, self._random.choice(services))

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, idempotent: bool = False
    ) -> RecordedRequest:
        return self._client.send(self._request_log.new(method, path, body, idempotent=idempotent))

    def _create(self) -> None:
        self._created += 1
        body = self._images.service_body(f"{self._name}-{self._created}", self._random)
        request = self._send("POST", "/services", body, idempotent=True)
        if request.status == 201:
            self._request_log.services[request.answer["id"]] = CreatedService(
                request.answer["id"], writes="volumes" in body.get("compose", "")
            )

    def _deploy(self, service: CreatedService) -> None:
        same_image = service.writes or self._random.random() < 0.3
        changes = {} if same_image else {"image": self._images.random_image(self._random)}
        self._send("POST", f"/services/{service.id}/deploy", changes, idempotent=True)

    def _cancel(self, service: CreatedService) -> None:
        request = self._send("GET", f"/services/{service.id}")
        if request.status == 200 and request.answer["operation_id"]:
            self._send("POST", f"/operations/{request.answer['operation_id']}/cancel", idempotent=True)

    def _stop(self, service: CreatedService) -> None:
        self._send("POST", f"/services/{service.id}/stop", {"grace_seconds": 1}, idempotent=True)

    def _start(self, service: CreatedService) -> None:
        self._send("POST", f"/services/{service.id}/start", idempotent=True)

    def _restart(self, service: CreatedService) -> None:
        self._send("POST", f"/services/{service.id}/restart", idempotent=True)

    def _scale(self, service: CreatedService) -> None:
        size = {"memory_limit_mb": 64} if service.writes else {"replicas": self._random.randint(1, 2)}
        self._send("PUT", f"/services/{service.id}/scale", size)

    def _rollback(self, service: CreatedService) -> None:
        self._send("POST", f"/services/{service.id}/rollback", {}, idempotent=True)

    def _delete(self, service: CreatedService) -> None:
        request = service.deleted = self._request_log.new("DELETE", f"/services/{service.id}?volumes=delete")
        self._client.send(request)


_ACTIONS: dict[str, Callable[[SimulatedUser, CreatedService], None]] = {
    "deploy": SimulatedUser._deploy,
    "cancel": SimulatedUser._cancel,
    "stop": SimulatedUser._stop,
    "start": SimulatedUser._start,
    "restart": SimulatedUser._restart,
    "scale": SimulatedUser._scale,
    "rollback": SimulatedUser._rollback,
    "delete": SimulatedUser._delete,
}
