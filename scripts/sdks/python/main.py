"""The scenario of scripts/sdk with the Python client of openapi-generator."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import panel
from scenario import PRINTED, expect, print_step, service_names

SDK = "sdk-python"


def main() -> None:
    """Run the scenario. Unexpected results end it with an exception."""
    with connect(os.environ["PANEL_API_KEY"]) as first:
        key = panel.ApiKeysApi(first).create_api_key(panel.ApiKeyCreate(name=SDK, role=panel.RoleName.ADMIN))
    print_step(f"created the key {key.prefix}")
    with connect(key.key) as client:
        deploy_and_delete_services(client)
        check_errors(client)
        keys = panel.ApiKeysApi(client)
        keys.revoke_api_key(key.id)
        error = expect_error(panel.exceptions.UnauthorizedException, lambda: keys.get_api_key(key.id)).error
        print_step(f"revoked the key: 401 {error.code}")


def connect(key: str) -> panel.ApiClient:
    """Return a client for PANEL_URL that sends `key`."""
    return panel.ApiClient(panel.Configuration(host=os.environ["PANEL_URL"] + "/api", access_token=key))


def deploy_and_delete_services(client: panel.ApiClient) -> None:
    """Deploy three services, read their logs, list them page by page, and delete them."""
    services = panel.ServicesApi(client)
    names = service_names(SDK)
    for name in names:
        deployed = deploy(client, name)
        log = panel.RuntimeApi(client).get_service_logs(deployed.id, tail=10)
        expect([line.text for line in log.data] == [PRINTED], f"the line {PRINTED!r}", log)
        print_step(f"deployed {deployed.name} at {deployed.url}; its output is {PRINTED!r}")

    pages = list(list_pages(services, size=2))
    listed = [service for page in pages for service in page]
    expect([service.name for service in listed] == names and len(pages) == 2, f"{names} on two pages", listed)
    print_step(f"listed {len(listed)} services on {len(pages)} pages")

    for service in listed:
        read = services.get_service_with_http_info(service.id)
        # This client does not normalize header names.
        services.delete_service(service.id, if_match=(read.headers or {})["etag"])
    remaining = services.list_services(search=SDK).total
    expect(remaining == 0, "no service remaining", remaining)
    print_step("deleted the services, each with its ETag")


def deploy(client: panel.ApiClient, name: str) -> panel.Service:
    """Create a service from the template `hello`, wait for its deployment, and return the service."""
    templates, new = panel.TemplatesApi(client), panel.TemplateDeployment(name=name)
    planned = templates.deploy_template("hello", new, dry_run=True)
    expect(planned.dry_run is not None and planned.operation_id is None, "a dry run", planned)
    created = templates.deploy_template("hello", new)
    if created.operation_id is None or created.dry_run is not None:
        raise SystemExit(f"expected a service with an operation, got {created}")
    operation = panel.OperationsApi(client).get_operation(created.operation_id, wait=60)
    expect(operation.status == "succeeded", "a succeeded deployment", operation)
    return panel.ServicesApi(client).get_service(created.id)


def list_pages(services: panel.ServicesApi, size: int) -> Iterator[list[panel.ServiceSummary]]:
    """Yield the pages of this scenario's services, sorted by name, until `has_more` is false."""
    page, has_more = 1, True
    while has_more:
        response = services.list_services(search=SDK, sort="name", order="asc", page=page, per_page=size)
        yield response.data
        page, has_more = page + 1, response.has_more


def check_errors(client: panel.ApiClient) -> None:
    """Request a missing service and create an invalid key."""
    services, keys = panel.ServicesApi(client), panel.ApiKeysApi(client)
    error = expect_error(panel.exceptions.NotFoundException, lambda: services.get_service("svc_nobody")).error
    expect(error.code == "not_found", "not_found", error)
    print_step(f"received 404 {error.code}: {error.details}")

    invalid = panel.ApiKeyCreate(
        name=SDK, role=panel.RoleName.VIEWER, allowedIps=["nowhere"], expiresAt=datetime(2000, 1, 1, tzinfo=UTC)
    )
    error = expect_error(panel.exceptions.UnprocessableEntityException, lambda: keys.create_api_key(invalid)).error
    expect(set(error.fields or {}) == {"allowedIps.0", "expiresAt"}, "both fields", error)
    print_step(f"received 422 {error.code}: {error.fields}")


def expect_error(kind: type[panel.ApiException], call: Callable[[], object]) -> panel.ErrorResponse:
    """Return the error body of a call that must raise `kind`."""
    try:
        response = call()
    except kind as exception:
        if isinstance(exception.data, panel.ErrorResponse):
            return exception.data
        raise
    raise SystemExit(f"expected {kind.__name__}, got {response}")


if __name__ == "__main__":
    main()
