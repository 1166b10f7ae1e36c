"""The story of scripts/sdk, told with the client that openapi-generator makes for Python."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import panel

SDK = "sdk-python"
PRINTED = "hello listens on port 8080"


def main() -> None:
    """Tells the story; whatever goes another way ends it with an exception."""
    with connect(os.environ["PANEL_API_KEY"]) as first:
        key = panel.ApiKeysApi(first).create_api_key(panel.NewApiKey(name=SDK, role=panel.RoleName.ADMIN))
    say(f"made the key {key.prefix}, and uses it from now on")
    with connect(key.key) as client:
        live_and_die_of_services(client)
        meet_errors(client)
        keys = panel.ApiKeysApi(client)
        keys.revoke_api_key(key.id)
        error = refused(panel.exceptions.UnauthorizedException, lambda: keys.get_api_key(key.id)).error
        say(f"deleted the key; it opens nothing any more: 401 {error.code.value}")


def connect(key: str) -> panel.ApiClient:
    """A client that calls with this key; its server is the panel of the environment."""
    return panel.ApiClient(panel.Configuration(host=os.environ["PANEL_URL"] + "/api", access_token=key))


def live_and_die_of_services(client: panel.ApiClient) -> None:
    """Deploys three services, reads their logs, finds them page by page, and deletes them."""
    services = panel.ServicesApi(client)
    names = [f"{SDK}-{number}" for number in range(1, 4)]
    for name in names:
        deployed = deploy(client, name)
        log = panel.RuntimeApi(client).get_service_logs(deployed.id, tail=10)
        expect([line.text for line in log.data] == [PRINTED], f"the line {PRINTED!r}", log)
        say(f"deployed {deployed.name}, which answers at {deployed.url} and prints {PRINTED!r}")

    pages = list(list_pages(services, size=2))
    found = [service for page in pages for service in page]
    expect([service.name for service in found] == names and len(pages) == 2, f"{names} on two pages", found)
    say(f"found {len(found)} services on {len(pages)} pages")

    for service in found:
        read = services.get_service_with_http_info(service.id)
        # This client leaves header names as the server wrote them.
        services.delete_service(service.id, if_match=(read.headers or {})["etag"])
    left = services.list_services(search=SDK).total
    expect(left == 0, "no service left", left)
    say("deleted the services, each by its ETag")


def deploy(client: panel.ApiClient, name: str) -> panel.Service:
    """A service made from the template `hello`, as it is when its deployment has succeeded."""
    # The annotation knows the first answer alone, the one of a dry run; what comes is what the status stands for.
    made: object = panel.TemplatesApi(client).deploy_template("hello", panel.TemplateDeployment(name=name))
    if not isinstance(made, panel.Service) or made.operation_id is None:
        raise SystemExit(f"a service with an operation was expected, and this came: {made}")
    operation = panel.OperationsApi(client).get_operation(made.operation_id, wait=60)
    expect(operation.status == panel.OperationStatus.SUCCEEDED, "a deployment that succeeds", operation)
    return panel.ServicesApi(client).get_service(made.id)


def list_pages(services: panel.ServicesApi, size: int) -> Iterator[list[panel.ServiceSummary]]:
    """The services of this story by name, page by page, as far as `total` says that there are any."""
    page, read, total = 1, 0, 1
    while read < total:
        answer = services.list_services(search=SDK, sort="name", order="asc", page=page, per_page=size)
        yield answer.data
        page, read, total = page + 1, read + len(answer.data), answer.total


def meet_errors(client: panel.ApiClient) -> None:
    """Asks for what is not there and for what breaks rules."""
    services, keys = panel.ServicesApi(client), panel.ApiKeysApi(client)
    error = refused(panel.exceptions.NotFoundException, lambda: services.get_service("svc_nobody")).error
    expect(error.code == panel.ErrorCode.NOT_FOUND, "not_found", error)
    say(f"met 404 {error.code.value}: {error.details}")

    bad = panel.NewApiKey(
        name=SDK, role=panel.RoleName.VIEWER, allowedIps=["nowhere"], expiresAt=datetime(2000, 1, 1, tzinfo=UTC)
    )
    error = refused(panel.exceptions.UnprocessableEntityException, lambda: keys.create_api_key(bad)).error
    expect(set(error.fields or {}) == {"allowedIps.0", "expiresAt"}, "both fields", error)
    say(f"met 422 {error.code.value}: {error.fields}")


def refused(kind: type[panel.ApiException], call: Callable[[], object]) -> panel.Error:
    """The error of the document that this call is answered with."""
    try:
        answer = call()
    except kind as refusal:
        if isinstance(refusal.data, panel.Error):
            return refusal.data
        raise
    raise SystemExit(f"{kind.__name__} was expected, and this came: {answer}")


def expect(truth: bool, what: str, came: object) -> None:
    """Ends the story where something else comes than was expected."""
    if not truth:
        raise SystemExit(f"{what} was expected, and this came: {came}")


def say(line: str) -> None:
    """One line a step."""
    print(f"  {line}")


if __name__ == "__main__":
    main()
