"""Registries: where images are pulled from with a login."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.model.hidden import HIDDEN


@dataclass
class Registry:
    """A registry of images with a login for it.

    `host` is `host` or `host:port`; `docker.io` is Docker Hub. `password` is encrypted. A registry without a customer
    serves the services without a customer and, if it is `shared`, those of all customers that have none of their own
    for the host. `login_error` is the failure code of the last login, None if it succeeded at `login_at`.
    """

    id: str
    name: str
    host: str
    username: str
    password: str = field(metadata=HIDDEN)
    created_at: datetime
    updated_at: datetime
    login_at: datetime
    customer_id: str | None = None
    shared: bool = False
    login_error: str | None = None
    revision: int = 1
