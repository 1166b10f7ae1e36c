"""Handlers: their arguments, the extras that they can request, and the thread or loop that runs them."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.openapi31 import Answer, Document, DocumentError, Options, build

from .conftest import GOOD, Client, Json, echo

FIXED = ContextVar("FIXED", default="nothing")


def test_a_handler_gets_only_the_arguments_that_it_declares(serve: Callable[..., Client]) -> None:
    ask = serve({"list_pets": lambda page, alive: Answer(200, [page, alive])})
    assert ask("GET", "/shop/pets?kind=cat").json() == [1, None]


def test_the_handlers_default_applies_if_the_document_has_none(serve: Callable[..., Client]) -> None:
    ask = serve({"list_pets": lambda alive=True, page=9: Answer(200, [alive, page])})
    assert ask("GET", "/shop/pets").json() == [True, 1]
    assert ask("GET", "/shop/pets?alive=false").json() == [False, 1]


def test_bound_arguments_need_not_be_in_the_document(serve: Callable[..., Client]) -> None:
    def list_pets(ports: str, page: int, *, more: str) -> Answer:
        return Answer(200, [ports, page, more])

    ask = serve({"list_pets": partial(list_pets, "ports", more="more")})
    assert ask("GET", "/shop/pets").json() == ["ports", 1, "more"]


def test_extras_are_passed_to_handlers_that_declare_them(serve: Callable[..., Client]) -> None:
    extras = {"method": lambda scope: scope["method"], "never": lambda _: pytest.fail("nobody asked")}
    ask = serve({"list_pets": lambda method, page: Answer(200, [method, page])}, extras=extras)
    assert ask("GET", "/shop/pets").json() == ["GET", 1]


def test_a_handler_that_takes_anything_gets_all_but_extras(serve: Callable[..., Client]) -> None:
    ask = serve({"list_pets": echo}, extras={"never": lambda _: pytest.fail("nobody asked")})
    assert ask("GET", "/shop/pets?alive=true").json() == {"page": 1, "alive": True, "caller": None}


def test_parallel_handlers_are_limited_by_the_number_of_threads(serve: Callable[..., Client]) -> None:
    running, most, two = [], [], ThreadPoolExecutor(2)

    def list_pets() -> Answer:
        running.append(1)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()
        return Answer(204)

    ask = serve({"list_pets": list_pets}, executor=lambda _operation: two)

    async def all_at_once() -> None:
        transport = httpx.ASGITransport(ask.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            await asyncio.gather(*(client.get("/shop/pets") for _ in range(8)))

    asyncio.run(all_at_once())
    assert len(most) == 8
    assert max(most) <= 2


def test_a_coroutine_function_runs_on_the_loop_and_a_function_beside_it(serve: Callable[..., Client]) -> None:
    async def list_pets() -> Answer:
        asyncio.get_running_loop()
        return Answer(200, threading.current_thread() is threading.main_thread())

    def check_pet(body: Json) -> Answer:
        return Answer(200, threading.current_thread() is threading.main_thread())

    ask = serve({"list_pets": list_pets, "check_pet": check_pet})
    assert ask("GET", "/shop/pets").json() is True
    assert ask("POST", "/shop/pets/check").json() is False


def test_a_partial_or_a_callable_object_can_be_async(serve: Callable[..., Client]) -> None:
    class Listing:
        async def __call__(self, page: int) -> Answer:
            return Answer(200, page)

    async def check(extra: int, body: Json) -> Answer:
        return Answer(200, extra)

    ask = serve({"list_pets": Listing(), "check_pet": partial(check, 5)})
    assert ask("GET", "/shop/pets").json() == 1
    assert ask("POST", "/shop/pets/check").json() == 5


def test_context_variables_reach_the_thread(serve: Callable[..., Client]) -> None:
    def edge(app: ASGIApp) -> ASGIApp:
        async def setting(scope: Scope, receive: Receive, send: Send) -> None:
            FIXED.set("set outside")
            await app(scope, receive, send)

        return setting

    ask = serve({"list_pets": lambda: Answer(200, FIXED.get())}, outside=edge)
    assert ask("GET", "/shop/pets").json() == "set outside"


UNFIT: list[tuple[str, Callable[..., Any], str]] = [
    ("list_pets", lambda pages: None, "asks for pages"),
    ("list_pets", lambda pages=1: None, "asks for pages"),
    ("list_pets", lambda body: None, "asks for body"),
    ("get_visit", lambda pet_id, number, token: None, "does not take x_clinic"),
    ("get_pet", lambda: None, "does not take pet_id"),
    ("create_pet", lambda: None, "does not take body"),
    ("check_pet", lambda: None, "does not take body"),
    ("list_pets", lambda page, /: None, "by position only"),
    ("list_pets", lambda *page: None, "by position only"),
]


@pytest.mark.parametrize(("operation_id", "handler", "message"), UNFIT)
def test_a_handler_that_does_not_fit_is_refused_at_start(
    serve: Callable[..., Client], operation_id: str, handler: Callable[..., Any], message: str
) -> None:
    with pytest.raises(DocumentError, match=f"{message}|{operation_id}.*{message}"):
        serve({operation_id: handler})


def test_a_handler_without_an_operation_is_refused_at_start(serve: Callable[..., Client]) -> None:
    with pytest.raises(DocumentError, match="sell_pet"):
        serve({"sell_pet": Answer})


def test_an_operation_without_a_handler_is_refused_at_start(document: Document) -> None:
    with pytest.raises(DocumentError, match="list_pets"):
        build(document, {}, Options(errors=lambda *_: Answer(500)))


def test_a_result_that_is_no_answer_is_an_error(serve: Callable[..., Client]) -> None:
    assert serve({"list_pets": lambda: {"a": 1}})("GET", "/shop/pets").json() == {"kind": "TypeError"}


def test_an_exception_of_a_handler_is_passed_to_the_error_function(serve: Callable[..., Client]) -> None:
    def list_pets() -> Answer:
        raise KeyError("secret")

    assert serve({"list_pets": list_pets})("GET", "/shop/pets", headers=GOOD).json() == {"kind": "KeyError"}
