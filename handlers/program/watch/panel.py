"""Questions to the panel's API: what a name stands for, where a deployment began, and why work failed."""

import re
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import orjson

from domain.errors import NotFound, Refusal, Unavailable
from domain.settings import BadSetting
from handlers.program.watch.refusing import refusal

_ID = re.compile(r"svc_[0-9a-z]+")
_LAYERS = re.compile(r"\d+ of \d+ layers")
_PATIENCE = 10.0


class _Straight(HTTPRedirectHandler):
    """The key is not carried to where an answer leads."""

    def redirect_request(self, *_of_the_answer: object) -> None:
        return None


class Panel:
    """A panel at an address, spoken to with one key."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadSetting(f"{url} is no address of a panel; one looks like http://localhost:8080")
        self.url = url.rstrip("/")
        self.headers = {"Authorization": f"Bearer {key}"}
        self._opener = build_opener(_Straight)
        self._names: dict[str, str] = {}

    @property
    def socket(self) -> str:
        """Where its socket is."""
        return f"ws{self.url.removeprefix('http')}/api/ws"

    def service(self, named: str) -> dict[str, Any]:
        """The service of an id or a name; raises NotFound when there is none, or more than one."""
        found = self._ask(f"/services/{named if _ID.fullmatch(named) else self._one_of(named)}")
        self._names[found["id"]] = found["name"]
        return found

    def _one_of(self, name: str) -> str:
        found = self._ask("/services", search=name[:100], per_page=100)["data"]
        ids = [str(one["id"]) for one in found if one["name"] == name]
        if len(ids) > 1:
            raise NotFound(f"Several services are called {name}; say which one: {', '.join(ids)}")
        if not ids:
            raise NotFound(f"This key sees no service called {name}")
        return ids[0]

    def name(self, service_id: str) -> str:
        """What a person calls it; its id when it is gone, or cannot be asked for now."""
        try:
            return self._names.get(service_id) or str(self.service(service_id)["name"])
        except NotFound:
            return self._names.setdefault(service_id, service_id)
        except Refusal:
            return service_id

    def deployment(self, deployment_id: str) -> dict[str, Any]:
        """All that is known of it."""
        return self._ask(f"/deployments/{deployment_id}")

    def before(self, deployment_id: str) -> int:
        """The number of the event before its first."""
        found = self._ask("/events", topic=f"deployment:{deployment_id}", limit=1)
        if not found["data"]:
            raise NotFound(f"The events of {deployment_id} are not kept any more")
        return int(found["data"][0]["seq"]) - 1

    def failure(self, resource: str) -> tuple[str, ...]:
        """Why a deployment or an operation ended as it did, and the last lines of the container, when that is known."""
        kind, _, resource_id = resource.partition(":")
        try:
            failure = self._ask(f"/{kind}s/{resource_id}")["failure"]
        except Refusal:
            return ()
        return (failure["message"], *failure["log"]) if failure else ()

    def pulled(self, deployment_id: str, after: int) -> tuple[str, int]:
        """How many layers there are by now, if a line of the log after this one says so; and the number of the last."""
        try:
            log = self._ask(f"/deployments/{deployment_id}/logs", after=after, limit=1000)
        except Refusal:
            return "", after
        said = [str(line["text"]) for line in log["data"] if _LAYERS.match(line["text"])]
        return (said[-1] if said else ""), int(log["next_after"])

    def _ask(self, path: str, **query: object) -> dict[str, Any]:
        address = f"{self.url}/api{path}?{urlencode(query)}".removesuffix("?")
        request = Request(address, headers={**self.headers, "Accept": "application/json"})  # noqa: S310 - see __init__
        try:
            with self._opener.open(request, timeout=_PATIENCE) as answer:
                read: dict[str, Any] = orjson.loads(answer.read())
                return read
        except HTTPError as refused:
            with refused:
                raise refusal(refused.code, dict(refused.headers), refused.read(), self.url) from None
        except (OSError, HTTPException, orjson.JSONDecodeError) as fault:
            raise self.away(fault) from fault

    def away(self, fault: Exception) -> Unavailable:
        """What to say when it does not answer."""
        reason = getattr(fault, "reason", fault)
        return Unavailable(f"No panel answers at {self.url}: {getattr(reason, 'strerror', None) or reason}")
