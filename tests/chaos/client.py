"""Send requests, retry them until the panel responds, and record each."""

import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from threading import Event, Lock
from typing import Any

import httpx

Endpoint = tuple[list[int], str]
"""The ports of the APIs, and a key."""
_RETRIED = frozenset({500, 502, 503, 504})
_TIME_LIMIT = 20.0


@dataclass
class RecordedRequest:
    """One request with all its attempts, and its final response."""

    number: int
    method: str
    path: str
    body: dict[str, Any] | None
    key: str | None
    """The Idempotency-Key."""
    status: int = 0
    answer: Any = None
    failed_attempts: "Counter[int]" = field(default_factory=Counter)
    """Statuses of the attempts before the last; 0 is a connection error."""

    @property
    def request_id(self) -> str:
        """The X-Request-Id, equal for all attempts, so that the created operations can be counted."""
        return f"chaos-{self.number}"

    @property
    def summary(self) -> str:
        """The request, its status and its failed attempts."""
        return f"{self.method} {self.path} ({self.request_id}): {self.status}, before {dict(self.failed_attempts)}"


@dataclass
class CreatedService:
    """A service whose creation returned 201."""

    id: str
    writes: bool
    """Whether it has a volume, to which two containers must not write at the same time."""
    deleted: RecordedRequest | None = None


class RequestLog:
    """All requests and created services; shared by all simulated users."""

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []
        self.services: dict[str, CreatedService] = {}
        self._numbers = itertools.count(1)
        self._lock = Lock()

    def new(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, idempotent: bool = False
    ) -> RecordedRequest:
        """Return a new request that has not been sent; `idempotent` gives it an Idempotency-Key."""
        with self._lock:
            number = next(self._numbers)
            request = RecordedRequest(number, method, path, body, f"chaos-{number}" if idempotent else None)
            self.requests.append(request)
            return request

    def not_deleted(self) -> list[CreatedService]:
        """Return the services without a delete request."""
        return [service for service in list(self.services.values()) if service.deleted is None]

    @property
    def completed(self) -> list[RecordedRequest]:
        """The requests with a response."""
        return [request for request in list(self.requests) if request.status]


class RetryingClient:
    """A client that sends each attempt to a random API."""

    def __init__(self, endpoint: Endpoint, random: Random, stopping: Event) -> None:
        self._api_ports, key = endpoint
        self._random = random
        self._stopping = stopping
        self._client = httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=_TIME_LIMIT)

    def send(self, request: RecordedRequest) -> RecordedRequest:
        """Send the request until it gets a response, or until `stopping` is set."""
        while not self._stopping.is_set():
            response = self._attempt(request)
            if response is not None and response.status_code not in _RETRIED:
                request.answer = response.json() if response.content else None
                request.status = response.status_code
                break
            request.failed_attempts[response.status_code if response is not None else 0] += 1
            time.sleep(self._random.uniform(0.05, 0.5))
        return request

    def _attempt(self, request: RecordedRequest) -> httpx.Response | None:
        headers = {"X-Request-Id": request.request_id} | ({"Idempotency-Key": request.key} if request.key else {})
        url = f"http://127.0.0.1:{self._random.choice(self._api_ports)}/api{request.path}"
        try:
            return self._client.request(request.method, url, json=request.body, headers=headers)
        except httpx.TransportError:
            return None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
