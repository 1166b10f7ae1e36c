"""Who is calling, over HTTP."""

from domain import auth
from domain.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer


def get_current_user(ports: Ports, caller: Caller) -> Answer:
    """GET /auth/me"""
    return answers.ok(auth.get_current_user(ports, caller))
