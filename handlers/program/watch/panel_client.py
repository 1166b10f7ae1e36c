"""A client of the panel's API: looks up services, deployments, events and failures."""

import re
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import orjson

from domain.errors import NotFound, Refusal, Unavailable
from domain.settings import BadSetting
from handlers.program.watch.api_errors import api_error

_ID = re.compile(r"svc_[0-9a-z]+")
_LAYERS = re.compile(r"\d+ of \d+ layers")
_TIMEOUT = 10.0


class _NoRedirects(HTTPRedirectHandler):
    """Follow no redirects, so that the key is not sent to another host."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


class PanelClient:
    """The API of the panel at `url`, with one key. Raise BadSetting if `url` is not an HTTP URL."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadSetting(f"{url} is not the URL of a panel; an example is http://localhost:8080")
        self.url = url.rstrip("/")
        self.headers = {"Authorization": f"Bearer {key}"}
        self._opener = build_opener(_NoRedirects)
        self._names: dict[str, str] = {}

    @property
    def socket_url(self) -> str:
        """The URL of the WebSocket."""
        return f"ws{self.url.removeprefix('http')}/api/ws"

    def service(self, id_or_name: str) -> dict[str, Any]:
        """Return the service with this ID or name. Raise NotFound if no service, or more than one, matches."""
        service_id = id_or_name if _ID.fullmatch(id_or_name) else self._find_id(id_or_name)
        service = self._get(f"/services/{service_id}")
        self._names[service["id"]] = service["name"]
        return service

    def _find_id(self, name: str) -> str:
        services = self._get("/services", search=name[:100], per_page=100)["data"]
        ids = [str(service["id"]) for service in services if service["name"] == name]
        if len(ids) > 1:
            raise NotFound(f"Several services are named {name}; pass an ID instead: {', '.join(ids)}")
        if not ids:
            raise NotFound(f"No service named {name} is visible to this key")
        return ids[0]

    def name(self, service_id: str) -> str:
        """Return the name of a service; its ID if it is deleted, or if the panel does not answer."""
        try:
            return self._names.get(service_id) or str(self.service(service_id)["name"])
        except NotFound:
            return self._names.setdefault(service_id, service_id)
        except Refusal:
            return service_id

    def deployment(self, deployment_id: str) -> dict[str, Any]:
        """Return a deployment."""
        return self._get(f"/deployments/{deployment_id}")

    def sequence_before(self, deployment_id: str) -> int:
        """Return the sequence number before the deployment's first event. Raise NotFound if its events are removed."""
        events = self._get("/events", topic=f"deployment:{deployment_id}", limit=1)
        if not events["data"]:
            raise NotFound(f"The events of {deployment_id} are no longer stored; watch without --until-done")
        return int(events["data"][0]["seq"]) - 1

    def failure(self, resource: str) -> tuple[str, ...]:
        """Return why a deployment or an operation failed, then the container's last lines; empty if unknown.

        `resource` is an event's, for example `deployment:dep_…`.
        """
        kind, _, resource_id = resource.partition(":")
        try:
            failure = self._get(f"/{kind}s/{resource_id}")["failure"]
        except Refusal:
            return ()
        return (failure["message"], *failure["log"]) if failure else ()

    def pull_status(self, deployment_id: str, after: int) -> tuple[str, int]:
        """Return the newest line about layers after line `after` of the log, or "", and the last line's number."""
        try:
            log = self._get(f"/deployments/{deployment_id}/logs", after=after, limit=1000)
        except Refusal:
            return "", after
        texts = [str(line["text"]) for line in log["data"] if _LAYERS.match(line["text"])]
        return (texts[-1] if texts else ""), int(log["next_after"])

    def _get(self, path: str, **query: object) -> dict[str, Any]:
        address = f"{self.url}/api{path}?{urlencode(query)}".removesuffix("?")
        request = Request(address, headers={**self.headers, "Accept": "application/json"})  # noqa: S310 - see __init__
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as response:
                body: dict[str, Any] = orjson.loads(response.read())
                return body
        except HTTPError as error:
            with error:
                raise api_error(error.code, dict(error.headers), error.read(), self.url) from None
        except (OSError, HTTPException, orjson.JSONDecodeError) as fault:
            raise self.unavailable(fault) from fault

    def unavailable(self, fault: Exception) -> Unavailable:
        """Return the error for a connection that failed with `fault`."""
        reason = getattr(fault, "reason", fault)
        return Unavailable(f"No panel answers at {self.url}: {getattr(reason, 'strerror', None) or reason}")
