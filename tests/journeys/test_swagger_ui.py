"""Swagger UI at /api/docs in a real browser: everything can be tried there, with a key or with a session."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.browser import Browser, chromium
from tests.conformance import READ_DOCUMENT
from tests.process import Process

pytestmark = pytest.mark.timeout(300)  # beside other tests a browser takes its time


@pytest.fixture
def page(process: Process) -> Iterator[Browser]:
    """Swagger UI when it has drawn the last operation."""
    with chromium() as browser:
        browser.open(f"http://localhost:{process.port}/api/docs")
        browser.find_displayed("#operations-system-get_health")
        yield browser


def _authorize(page: Browser, key: str) -> None:
    page.click(".authorize.unlocked")
    page.fill("#auth-bearer-value", key)
    page.click(".auth-container:first-child [type=submit]")
    page.click(".auth-container:first-child .btn-done")
    page.find_displayed(".authorize.locked")


def _forget_the_key(page: Browser) -> None:
    page.click(".authorize.locked")
    page.click("[aria-label='Remove authorization']")
    page.click(".auth-container:first-child .btn-done")
    page.find_displayed(".authorize.unlocked")


def _try_out(page: Browser, operation: str, expect: str, body: Any = None, **parameters: str) -> Any:
    """The JSON of the answer, read from the page, which opens every operation ready to be tried out."""
    here = f"#operations-{operation}"
    page.click(f"{here} .opblock-summary-control")
    for name, value in parameters.items():
        page.fill(f"{here} [data-param-name={name}] input", value)
    if body is not None:
        page.fill(f"{here} textarea", orjson.dumps(body).decode())
    page.click(f"{here} .execute")
    answer = f"{here} .live-responses-table tbody"
    status, shown = page.find_displayed(f"{answer} .response-col_status").text, page.texts(f"{answer} pre")[0]
    assert status == expect, shown
    return orjson.loads(shown)


def _sent(page: Browser, operation: str) -> str:
    """What was sent, as a command of curl."""
    [command] = page.texts(f"#operations-{operation} .curl-command pre")
    return command


def test_all_operations_are_shown_in_the_order_of_the_document(page: Browser) -> None:
    shown = page.texts(".opblock-tag a, .opblock-summary-operation-id")
    assert shown == [
        text
        for tag in READ_DOCUMENT.raw["tags"]
        for text in (
            tag["name"],
            *(operation.operation_id for operation in READ_DOCUMENT.operations() if operation.tag == tag["name"]),
        )
    ]
    assert page.console_warnings() == []


def test_whoever_has_a_key_deploys_a_template_and_visits_it(page: Browser, process: Process) -> None:
    _authorize(page, process.key)
    wanted = {"name": "greeter", "variables": {"GREETING": "Good morning"}}
    created = _try_out(page, "templates-deploy_template", "201", wanted, template_id="hello")
    assert created["name"] == "greeter"
    work = _try_out(page, "operations-get_operation", "200", operation_id=created["operation_id"], wait="60")
    assert work["status"] == "succeeded"
    service = _try_out(page, "services-get_service", "200", service_id=created["id"])
    assert service["status"] == "running"
    assert page.console_warnings() == []
    page.open(service["url"])
    assert page.find_displayed("h1").text == "Good morning"


def test_a_session_made_on_the_page_works_there_without_the_key(page: Browser, process: Process) -> None:
    _authorize(page, process.key)
    session = _try_out(page, "auth-create_session", "201")
    assert process.key in _sent(page, "auth-create_session")
    _forget_the_key(page)
    assert _try_out(page, "events-create_ws_ticket", "201", {})["ticket"]
    assert "Authorization" not in _sent(page, "events-create_ws_ticket")
    assert page.console_warnings() == []
    ended = {"session_id": session["id"], "provider_session_ended": None}
    assert _try_out(page, "auth-logout", "200") == ended
    assert _try_out(page, "auth-get_current_user", "401")["error"]["code"] == "unauthenticated"


def test_the_page_shows_the_permission_and_the_rate_tier_of_an_operation(page: Browser) -> None:
    page.click("#operations-services-create_service .opblock-summary-control")
    page.find_displayed("#operations-services-create_service .execute")
    shown = page.texts("#operations-services-create_service .opblock-section tr")
    assert {'x-permission"services.create"', 'x-rate-tier"deploy"'} <= set(shown)


def test_an_operation_fits_on_two_screens_and_begins_with_its_usual_call(page: Browser) -> None:
    here = "#operations-services-create_service"
    page.click(f"{here} .opblock-summary-control")
    page.find_displayed(f"{here} .execute")
    assert page.find_displayed(here).size["height"] <= 2 * 1000
    body = page.find_displayed(f"{here} textarea").get_property("value")
    assert orjson.loads(str(body))["deploy_method"] == "image"
