"""Logging: one line per event, readable at a terminal and as JSON everywhere else."""

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

_TRACES = ExceptionDictTransformer(show_locals=False)  # local variables hold keys and secrets


def configure(level: int = logging.INFO) -> None:
    """Send all logging of the process through structlog to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    at_terminal = sys.stderr.isatty()
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if at_terminal
        else [structlog.processors.ExceptionRenderer(_TRACES), structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for quiet in ("uvicorn.error", "alembic", "urllib3", "docker"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
    # psycopg warns while a connection breaks; the store logs the broken connection itself.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
