"""Requests that are repeated until they are answered, and a record of every one."""

import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from threading import Event, Lock
from typing import Any

import httpx

Entrance = tuple[list[int], str]
"""The ports of the APIs, and a key."""
_AWAY = frozenset({500, 502, 503, 504})
_TIME_LIMIT = 20.0


@dataclass
class Asked:
    """One request, however often it was sent."""

    number: int
    method: str
    path: str
    body: dict[str, Any] | None
    key: str | None
    """Its Idempotency-Key."""
    status: int = 0
    answer: Any = None
    refused: "Counter[int]" = field(default_factory=Counter)
    """Statuses of tries that were repeated; 0 is a connection that was cut or never made."""

    @property
    def request_id(self) -> str:
        """The same for every try, so that the operations which it made can be counted."""
        return f"chaos-{self.number}"

    @property
    def told(self) -> str:
        """What was asked, in short."""
        return f"{self.method} {self.path} ({self.request_id}): {self.status}, {dict(self.refused)} before"


@dataclass
class Known:
    """A service that was answered with 201."""

    id: str
    writes: bool
    """Whether it has a volume, that two containers must not write to."""
    deleted: Asked | None = None


class Ledger:
    """What was asked and what was answered; all actors write into one."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.services: dict[str, Known] = {}
        self._numbers = itertools.count(1)
        self._lock = Lock()

    def new(self, method: str, path: str, body: dict[str, Any] | None = None, *, once: bool = False) -> Asked:
        """A request that has not been sent; `once` gives it an Idempotency-Key."""
        with self._lock:
            number = next(self._numbers)
            asked = Asked(number, method, path, body, f"chaos-{number}" if once else None)
            self.asked.append(asked)
            return asked

    def living(self) -> list[Known]:
        """Services that nobody asked to delete."""
        return [known for known in list(self.services.values()) if known.deleted is None]

    @property
    def answered(self) -> list[Asked]:
        """Those that got an answer."""
        return [asked for asked in list(self.asked) if asked.status]


class Visitor:
    """Somebody with a key, who takes another door when one is shut."""

    def __init__(self, entrance: Entrance, chance: Random, giving_up: Event) -> None:
        self._doors, key = entrance
        self._chance = chance
        self._giving_up = giving_up
        self._client = httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=_TIME_LIMIT)

    def ask(self, asked: Asked) -> Asked:
        """Send it again and again until it is answered, or there is no hope any more."""
        while not self._giving_up.is_set():
            response = self._sent(asked)
            if response is not None and response.status_code not in _AWAY:
                asked.answer = response.json() if response.content else None
                asked.status = response.status_code
                break
            asked.refused[response.status_code if response is not None else 0] += 1
            time.sleep(self._chance.uniform(0.05, 0.5))
        return asked

    def _sent(self, asked: Asked) -> httpx.Response | None:
        headers = {"X-Request-Id": asked.request_id} | ({"Idempotency-Key": asked.key} if asked.key else {})
        url = f"http://127.0.0.1:{self._chance.choice(self._doors)}/api{asked.path}"
        try:
            return self._client.request(asked.method, url, json=asked.body, headers=headers)
        except httpx.TransportError:
            return None

    def close(self) -> None:
        """Close its connections."""
        self._client.close()
