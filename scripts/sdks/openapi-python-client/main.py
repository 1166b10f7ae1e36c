"""The scenario of scripts/sdk with the client of openapi-python-client."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar

from ai_admin_panel_client import AuthenticatedClient
from ai_admin_panel_client.api.api_keys import create_api_key, get_api_key, revoke_api_key
from ai_admin_panel_client.api.operations import get_operation
from ai_admin_panel_client.api.runtime import get_service_logs
from ai_admin_panel_client.api.services import delete_service, get_service, list_services
from ai_admin_panel_client.api.templates import deploy_template
from ai_admin_panel_client.models import (
    ApiKeyCreate,
    ApiKeyWithSecret,
    ErrorBody,
    ErrorResponse,
    ListServicesOrder,
    ListServicesSort,
    Operation,
    RoleName,
    Service,
    ServiceList,
    ServiceLog,
    ServiceSummary,
    TemplateDeployment,
)
from ai_admin_panel_client.types import Response
from scenario import PRINTED, expect, print_step, service_names

SDK = "sdk-openapi-python-client"
T = TypeVar("T")


def main() -> None:
    """Run the scenario. Unexpected results end it with an exception."""
    with connect(os.environ["PANEL_API_KEY"]) as first:
        new = ApiKeyCreate(name=SDK, role=RoleName.ADMIN)
        key = expect_body(ApiKeyWithSecret, create_api_key.sync_detailed(client=first, body=new))
    print_step(f"created the key {key.prefix}")
    with connect(key.key) as client:
        deploy_and_delete_services(client)
        check_errors(client)
        revoked = revoke_api_key.sync_detailed(key.id, client=client)
        expect(revoked.status_code == HTTPStatus.NO_CONTENT, "204", revoked)
        error = expect_error(HTTPStatus.UNAUTHORIZED, get_api_key.sync_detailed(key.id, client=client))
        print_step(f"revoked the key: 401 {error.code}")


def connect(key: str) -> AuthenticatedClient:
    """Return a client for PANEL_URL that sends `key`."""
    return AuthenticatedClient(base_url=os.environ["PANEL_URL"] + "/api", token=key, raise_on_unexpected_status=True)


def deploy_and_delete_services(client: AuthenticatedClient) -> None:
    """Deploy three services, read their logs, list them page by page, and delete them."""
    names = service_names(SDK)
    for name in names:
        deployed = deploy(client, name)
        log = expect_body(ServiceLog, get_service_logs.sync_detailed(deployed.id, client=client, tail=10))
        expect([line.text for line in log.data] == [PRINTED], f"the line {PRINTED!r}", log)
        print_step(f"deployed {deployed.name} at {deployed.url}; its output is {PRINTED!r}")

    pages = list(list_pages(client, size=2))
    listed = [service for page in pages for service in page]
    expect([service.name for service in listed] == names and len(pages) == 2, f"{names} on two pages", listed)
    print_step(f"listed {len(listed)} services on {len(pages)} pages")

    for service in listed:
        etag = get_service.sync_detailed(service.id, client=client).headers["ETag"]
        deleted = delete_service.sync_detailed(service.id, client=client, if_match=etag)
        expect(deleted.status_code == HTTPStatus.NO_CONTENT, "204", deleted)
    remaining = expect_body(ServiceList, list_services.sync_detailed(client=client, search=SDK)).total
    expect(remaining == 0, "no service remaining", remaining)
    print_step("deleted the services, each with its ETag")


def deploy(client: AuthenticatedClient, name: str) -> Service:
    """Create a service from the template `hello`, wait for its deployment, and return the service."""
    new = TemplateDeployment(name=name)
    planned = expect_body(Service, deploy_template.sync_detailed("hello", client=client, body=new, dry_run=True))
    expect(bool(planned.dry_run) and planned.operation_id is None, "a dry run", planned)
    created = expect_body(Service, deploy_template.sync_detailed("hello", client=client, body=new))
    if created.operation_id is None or created.dry_run:
        raise SystemExit(f"expected a service with an operation, got {created}")
    waited = get_operation.sync_detailed(created.operation_id, client=client, wait=60)
    operation = expect_body(Operation, waited)
    expect(operation.status == "succeeded", "a succeeded deployment", operation)
    return expect_body(Service, get_service.sync_detailed(created.id, client=client))


def list_pages(client: AuthenticatedClient, size: int) -> Iterator[list[ServiceSummary]]:
    """Yield the pages of this scenario's services, sorted by name, until `has_more` is false."""
    page, has_more = 1, True
    while has_more:
        answer = list_services.sync_detailed(
            client=client,
            search=SDK,
            sort=ListServicesSort.BY_NAME,
            order=ListServicesOrder.ASC,
            page=page,
            per_page=size,
        )
        services = expect_body(ServiceList, answer)
        yield services.data
        page, has_more = page + 1, services.has_more


def check_errors(client: AuthenticatedClient) -> None:
    """Request a missing service and create an invalid key."""
    error = expect_error(HTTPStatus.NOT_FOUND, get_service.sync_detailed("svc_nobody", client=client))
    expect(error.code == "not_found", "not_found", error)
    print_step(f"received 404 {error.code}: {error.details}")

    invalid = ApiKeyCreate(
        name=SDK, role=RoleName.VIEWER, allowed_ips=["nowhere"], expires_at=datetime(2000, 1, 1, tzinfo=UTC)
    )
    error = expect_error(HTTPStatus.UNPROCESSABLE_ENTITY, create_api_key.sync_detailed(client=client, body=invalid))
    fields = error.fields.to_dict() if error.fields else {}
    expect(set(fields) == {"allowedIps.0", "expiresAt"}, "both fields", error)
    print_step(f"received 422 {error.code}: {fields}")


def expect_body(kind: type[T], response: Response[Any]) -> T:
    """Return the body of a response, which must be of this kind."""
    if isinstance(response.parsed, kind):
        return response.parsed
    raise SystemExit(f"expected {kind.__name__}, got {response}")


def expect_error(status: HTTPStatus, response: Response[Any]) -> ErrorBody:
    """Return the error of a response, which must have this status."""
    expect(response.status_code == status, str(status), response)
    return expect_body(ErrorResponse, response).error


if __name__ == "__main__":
    main()
