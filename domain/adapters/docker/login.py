"""Tests a login at a registry, which the engine asks."""

import json
import logging
from contextlib import closing
from http.client import HTTPException

from domain.adapters.docker.connection import Connection
from domain.adapters.docker.output_text import safe_text
from domain.adapters.docker.pull_failures import login_failure
from domain.model.image_reference import DOCKER_HUB
from domain.ports.runtime import RegistryCredentials, RegistryUnavailable

_HUB = "https://index.docker.io/v1/"
_TIMEOUT = 15  # seconds for the registry and its token server
_LONGEST_MESSAGE = 64 * 1024  # bytes
log = logging.getLogger(__name__)


def log_in(connection: Connection, host: str, credentials: RegistryCredentials) -> None:
    """Let the engine log in at a registry, without storing anything. Raise PullFailed if that fails.

    See `POST /auth` of the engine's API (https://docs.docker.com/reference/api/engine/).
    """
    login = {
        "username": credentials.username,
        "password": credentials.password,
        "serveraddress": _HUB if host == DOCKER_HUB else host,
    }
    with connection.translate_errors():
        http = connection.connect()
    with closing(http):
        http.sock.settimeout(_TIMEOUT)
        try:
            http.request("POST", "/auth", json.dumps(login), {"Content-Type": "application/json"})
            response = http.getresponse()
            message = response.read(_LONGEST_MESSAGE)
        except TimeoutError:
            raise RegistryUnavailable(f"The registry {host} does not answer within {_TIMEOUT} seconds") from None
        except (OSError, HTTPException) as error:
            with connection.translate_errors():
                raise OSError(f"the login was interrupted: {error}") from error
    if response.status not in (200, 204):
        log.warning("the login at %s failed: %s", host, safe_text(message))
        raise login_failure(host, message.decode(errors="replace"))
