"""Roles and permissions over HTTP, as the document and the keys have them."""

from tests.conformance import READ_DOCUMENT
from tests.panel import Panel


def test_each_permission_lists_its_operations_of_the_document(panel: Panel) -> None:
    page = panel.get("/permissions").json()
    opened = {item["name"]: set(item["operations"]) for item in page["data"]}
    assert page["total"] == len(opened)
    for operation in READ_DOCUMENT.operations():
        needed = operation.raw["x-permission"]
        holders = {name for name, operations in opened.items() if operation.operation_id in operations}
        assert holders == ({needed} if "." in needed else set())


def test_a_key_has_the_permissions_of_its_role(panel: Panel) -> None:
    roles = {item["name"]: set(item["permissions"]) for item in panel.get("/roles").json()["data"]}
    assert list(roles) == ["viewer", "customer", "operator", "admin"]
    for role, permissions in roles.items():
        customer = "cust_a" if role == "customer" else None
        assert set(panel.get("/auth/me", key=panel.key(role, customer)).json()["permissions"]) == permissions


def test_only_authenticated_callers_can_list_roles_and_permissions(panel: Panel) -> None:
    nothing = panel.key("viewer", denied_permissions=tuple(panel.get("/auth/me").json()["permissions"]))
    for path in ("/roles", "/permissions"):
        assert panel.get(path, key=nothing).status_code == 200
        assert panel.get(path, key=None).status_code == 401
