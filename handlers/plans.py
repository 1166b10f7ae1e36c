"""Handlers of the tag `plans`."""

from typing import Unpack

from domain import plans
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import plans as serialize


def list_plans(ports: Ports, caller: Caller, **parameters: Unpack[plans.ListPlansParameters]) -> Answer:
    """GET /plans"""
    return answers.page(plans.list_plans(ports, caller, **parameters), serialize.plan)


def create_plan(ports: Ports, caller: Caller, body: plans.PlanCreate) -> Answer:
    """POST /plans"""
    return answers.created(plans.create_plan(ports, caller, body), serialize.plan)


def get_plan(ports: Ports, caller: Caller, plan_id: str) -> Answer:
    """GET /plans/{plan_id}"""
    return answers.ok(plans.get_plan(ports, caller, plan_id), serialize.plan)


def update_plan(
    ports: Ports,
    caller: Caller,
    plan_id: str,
    body: plans.PlanUpdate,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """PATCH /plans/{plan_id}"""
    outcome = plans.update_plan(ports, caller, plan_id, body, if_match=if_match, dry_run=dry_run)
    return answers.ok(outcome, serialize.plan)


def delete_plan(ports: Ports, caller: Caller, plan_id: str, if_match: str | None = None) -> Answer:
    """DELETE /plans/{plan_id}"""
    plans.delete_plan(ports, caller, plan_id, if_match=if_match)
    return answers.no_content()
