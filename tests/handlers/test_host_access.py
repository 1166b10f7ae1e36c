"""PANEL_HOST_ACCESS=owner: the host owner's own services may have power over the host, those of tenants never."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.adapters.docker import privileges
from domain.compose import check
from domain.model.project import Component, HostAccess, HostMount
from domain.model.role import Role
from tests.panel import Panel, start_panel

FIELDS = {
    "privileged: true": "privileged_refused",
    "devices: ['/dev/dri:/dev/dri', /dev/ttyUSB0]": "device_refused",
    "device_cgroup_rules: ['c 189:* rmw']": "device_refused",
    "network_mode: host": "host_namespace_refused",
    "pid: host": "host_namespace_refused",
    "ipc: host": "host_namespace_refused",
    "uts: host": "host_namespace_refused",
    "userns_mode: host": "host_namespace_refused",
    "cgroup: host": "host_namespace_refused",
    "cap_add: [NET_ADMIN, NET_RAW]": "capability_refused",
    "security_opt: ['apparmor:unconfined']": "security_opt_refused",
    "volumes: ['/srv/media:/media:ro']": "host_mount_refused",
    "volumes: ['/var/run/docker.sock:/var/run/docker.sock']": "docker_socket_refused",
    "volumes: [{type: bind, source: /run/dbus, target: /run/dbus}]": "host_mount_refused",
    "extra_hosts: ['host.docker.internal:host-gateway']": "host_namespace_refused",
}
EVERY_FIELD = pytest.mark.parametrize(("field", "code"), FIELDS.items())


def text(field: str) -> str:
    return f"services:\n  app:\n    image: ai-admin-panel/hello:1\n    {field}\n"


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[Panel]:
    with start_panel(tmp_path, host_access="owner") as panel:
        yield panel


@EVERY_FIELD
def test_each_power_is_a_warning_for_the_owner_and_an_error_for_others(field: str, code: str):
    assert ("error", code) in {(found.severity, found.code) for found in check(text(field)).findings}
    given = check(text(field), host_access=True)
    assert {found.code for found in given.findings if found.severity == "warning"} == {code}
    assert all("power over the host" in found.message for found in given.findings)
    assert given.project
    [component] = given.project.components
    assert component.host != HostAccess() or component.extra_hosts


def test_what_a_component_may_do_reaches_the_engine():
    fields = "\n    ".join(field for field in FIELDS if not field.startswith(("volumes", "network_mode", "privileged")))
    project = check(text(fields + "\n    volumes: ['/srv/a:/a:ro']"), host_access=True).project
    assert project
    [component] = project.components
    assert component.host.mounts == (HostMount("/srv/a", "/a", True),)
    options = privileges.options(component)
    assert options["devices"] == ["/dev/dri:/dev/dri", "/dev/ttyUSB0"]
    assert options["cap_add"] == ["NET_ADMIN", "NET_RAW"]
    assert "NET_RAW" not in options["cap_drop"]
    assert options["security_opt"] == ["apparmor:unconfined", "no-new-privileges"]
    assert {options[name] for name in ("pid_mode", "ipc_mode", "uts_mode", "userns_mode", "cgroupns")} == {"host"}


def test_without_access_a_container_has_all_restrictions():
    assert privileges.options(Component("web", "x")) == {
        "privileged": False,
        "security_opt": ["no-new-privileges"],
        "cap_add": None,
        "cap_drop": ["AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP"],
        "devices": None,
        "device_cgroup_rules": None,
    }


def create(panel: Panel, name: str, key: str = "", **fields: Any) -> int:
    body = {"name": name, "deploy_method": "compose", "compose": text("privileged: true"), **fields}
    return panel.post("/services", body, key=key).status_code


def test_only_admins_give_access_and_only_to_services_of_no_customer(owned: Panel):
    assert create(owned, "own") == 201
    assert create(owned, "tenants", customer_id="cust_1") == 422
    assert create(owned, "operators", key=owned.key(Role.OPERATOR)) == 422
    assert create(owned, "bound", key=owned.key(Role.ADMIN, "cust_1")) == 422
    assert create(owned, "customers", key=owned.key(Role.CUSTOMER, "cust_1")) == 422


def test_a_service_with_access_runs_and_others_cannot_change_it(owned: Panel):
    body = {"name": "own", "deploy_method": "compose", "compose": text("privileged: true\n    expose: [8080]")}
    path = f"/services/{owned.post('/services', body).json()['id']}"
    owned.work()
    service = owned.get(path).json()
    assert service["status"] == "running"
    log = owned.get(f"/deployments/{service['deployment_id']}/logs").json()["data"]
    warning = "Warning: Line 4: `privileged`: this gives the container power over the host."
    assert warning in [line["text"] for line in log]
    operator = owned.key(Role.OPERATOR)
    assert owned.post(f"{path}/deploy", {}, key=operator).status_code == 422
    assert owned.post(f"{path}/restart", key=operator).status_code == 202
    assert owned.patch(path, {"deploy_timeout": 60}).status_code == 200


def test_without_the_setting_nobody_gives_access(panel: Panel):
    assert create(panel, "own") == 422
