"""Caddy's configuration in JSON: add the routes of the panel, and leave everything else as it is.

What belongs to the panel has an `@id` that starts with `ai_admin_panel`, or is a server of such a name.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from domain.model import host_name
from domain.ports.edge import EdgeRoute, OwnCertificate

OWN = "ai_admin_panel"
CLOSE_DELAY = "10m"  # how long WebSockets outlast a reload, in versions that know it
Json = dict[str, Any]


def with_routes(configuration: Json, routes: Sequence[EdgeRoute], *, close_delay: bool) -> Json:
    """Return the configuration with these routes of the panel and no others. `close_delay` if the version knows it.

    Routes go before those of a server that listens at Caddy's port already, else to a server of the panel.
    """
    wanted = without_routes(configuration)
    if not routes:
        return wanted
    http = wanted.setdefault("apps", {}).setdefault("http", {})
    ordered = sorted(routes, key=_precedence)
    secure = [_secure_route(route, close_delay=close_delay) for route in ordered]
    plain = [_plain_route(route, close_delay=close_delay) for route in ordered]
    _add_routes(http, "https", http.get("https_port", 443), secure, {"automatic_https": {"disable_redirects": True}})
    _add_routes(http, "http", http.get("http_port", 80), plain, {"automatic_https": {"disable": True}})
    certificates = [_loaded(route.id, route.certificate) for route in ordered if route.certificate]
    if certificates:
        loaded = wanted["apps"].setdefault("tls", {}).setdefault("certificates", {}).setdefault("load_pem", [])
        loaded.extend(certificates)
    return wanted


def without_routes(configuration: Json) -> Json:
    """Return the configuration without anything of the panel, and without what is empty then."""
    left = deepcopy(configuration)
    apps = left.get("apps") or {}
    servers = (apps.get("http") or {}).get("servers") or {}
    for name in [name for name in servers if name.startswith(OWN)]:
        del servers[name]
    for server in servers.values():
        if any(map(_is_own, server.get("routes") or ())):
            server["routes"] = [route for route in server["routes"] if not _is_own(route)]
    loaded = ((apps.get("tls") or {}).get("certificates") or {}).get("load_pem")
    if loaded and any(map(_is_own, loaded)):
        apps["tls"]["certificates"]["load_pem"] = [entry for entry in loaded if not _is_own(entry)]
    _prune(left, "apps", "http", "servers")
    _prune(left, "apps", "tls", "certificates", "load_pem")
    return left


def _prune(configuration: Json, *path: str) -> None:
    """Remove an empty value and the objects that are empty without it."""
    for depth in range(len(path) - 1, -1, -1):
        holder: Any = configuration
        for name in path[:depth]:
            holder = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and holder.get(path[depth]) in ({}, []):
            del holder[path[depth]]


def _is_own(entry: Json) -> bool:
    return str(entry.get("@id", "")).startswith(OWN)


def _precedence(route: EdgeRoute) -> tuple[bool, str, int, str]:
    """Exact hosts before wildcards, and of one host the longest path first: Caddy takes the first that matches."""
    return host_name.is_wildcard(route.host), route.host, -len(route.path), route.path


def _add_routes(http: Json, scheme: str, port: int, routes: list[Json], options: Json) -> None:
    servers = http.setdefault("servers", {})
    server = next(_servers_at(servers, port), None)
    if server is None:
        servers[f"{OWN}_{scheme}"] = {"listen": [f":{port}"], "routes": routes, **options}
    else:
        server["routes"] = [*routes, *(server.get("routes") or ())]


def _servers_at(servers: Json, port: int) -> Iterator[Json]:
    for server in servers.values():
        if any(str(address).rpartition(":")[2] == str(port) for address in server.get("listen") or ()):
            yield server


def _secure_route(route: EdgeRoute, *, close_delay: bool) -> Json:
    return _route(route, "https", _handler(route, close_delay=close_delay))


def _plain_route(route: EdgeRoute, *, close_delay: bool) -> Json:
    """Return the route for requests over http: a redirect to https, unless the domain serves both."""
    if route.force_https and not route.redirect_to:
        return _route(route, "http", _redirect("{http.request.host}"))
    return _route(route, "http", _handler(route, close_delay=close_delay))


def _route(route: EdgeRoute, scheme: str, handler: Json) -> Json:
    match: Json = {"host": [route.host]}
    if route.path != "/":
        match["path"] = [route.path, f"{route.path}/*"]
    return {"@id": f"{OWN}_{scheme}_{route.id}", "match": [match], "handle": [handler], "terminal": True}


def _handler(route: EdgeRoute, *, close_delay: bool) -> Json:
    if route.redirect_to:
        return _redirect(route.redirect_to)
    host = f"[{route.upstream.host}]" if ":" in route.upstream.host else route.upstream.host
    proxy: Json = {"handler": "reverse_proxy", "upstreams": [{"dial": f"{host}:{route.upstream.port}"}]}
    return {**proxy, "stream_close_delay": CLOSE_DELAY} if close_delay else proxy


def _redirect(host: str) -> Json:
    location = f"https://{host}{{http.request.uri}}"
    return {"handler": "static_response", "status_code": 308, "headers": {"Location": [location]}}


def _loaded(route_id: str, certificate: OwnCertificate) -> Json:
    return {"@id": f"{OWN}_certificate_{route_id}", "certificate": certificate.chain, "key": certificate.key}
