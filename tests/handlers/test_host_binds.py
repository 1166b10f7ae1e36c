"""PANEL_HOST_BINDS: admins attach directories of the host, and no link leads out of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.model.project import HostMount
from domain.model.role import Role
from tests.calls import error
from tests.panel import Panel, start_panel

WEB = {"name": "shop", "deploy_method": "image", "image": "web:1", "port": 8080}


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """A directory that may be attached."""
    media = tmp_path.resolve() / "media"
    (media / "films").mkdir(parents=True)
    return media


@pytest.fixture
def allowing(tmp_path: Path, media: Path) -> Iterator[Panel]:
    with start_panel(tmp_path, host_binds=f"relative, {media}") as panel:
        yield panel


def _attach(panel: Panel, service_id: str, path: Path, **options: Any) -> Any:
    body = {"name": "media", "mount_path": "/media", "host_path": str(path), "read_only": True}
    return panel.post(f"/services/{service_id}/volumes", body, **options)


def _deploy(panel: Panel, service_id: str) -> Any:
    deployment = panel.post(f"/services/{service_id}/deploy").json()
    panel.work()
    return panel.get(f"/deployments/{deployment['id']}").json()


def _service(panel: Panel) -> str:
    service_id = panel.post("/services", WEB).json()["id"]
    panel.work()
    return str(service_id)


def test_an_attached_directory_is_mounted_and_detaching_it_leaves_it_alone(allowing: Panel, media: Path) -> None:
    service_id = _service(allowing)
    volume = _attach(allowing, service_id, media / "films").json()
    assert (volume["host_path"], volume["backup"], volume["size_mb"]) == (str(media / "films"), False, None)
    assert _deploy(allowing, service_id)["status"] == "succeeded"
    mounts = [mount for fake in allowing.ports.runtime.fakes.values() for mount in fake.spec.component.host.mounts]  # type: ignore[attr-defined]
    assert mounts == [HostMount(str(media / "films"), "/media", read_only=True)]
    assert allowing.delete(f"/services/{service_id}/volumes/{volume['id']}").status_code == 204
    assert not allowing.get(f"/services/{service_id}/volumes").json()["data"]
    assert (media / "films").is_dir()


@pytest.mark.parametrize("where", ["", "..", "films/../..", "missing", "link", "file"])
def test_only_directories_within_the_allowed_ones_can_be_attached(allowing: Panel, media: Path, where: str) -> None:
    (media / "link").symlink_to("/etc")
    (media / "file").write_text("")
    attached = _attach(allowing, _service(allowing), media / where)
    assert attached.status_code == (422 if where else 201), attached.text


def test_a_directory_that_a_link_has_replaced_is_not_mounted(allowing: Panel, media: Path) -> None:
    service_id = _service(allowing)
    _attach(allowing, service_id, media / "films")
    (media / "films").rmdir()
    (media / "films").symlink_to("/etc")
    deployed = _deploy(allowing, service_id)
    assert deployed["status"] == "failed"
    assert deployed["failure"]["code"] == "policy_refused"


@pytest.mark.parametrize(("role", "customer_id"), [(Role.OPERATOR, None), (Role.CUSTOMER, "cust_a")])
def test_only_admins_attach_directories_of_the_host(
    allowing: Panel, media: Path, role: Role, customer_id: str | None
) -> None:
    owner = {"customer_id": customer_id} if customer_id else {}
    service_id = allowing.post("/services", {**WEB, **owner}).json()["id"]
    key = allowing.key(role, customer_id)
    refused = _attach(allowing, service_id, media, key=key)
    assert (refused.status_code, error(refused)["code"]) == (403, "forbidden")
