"""Logs and events as a page of JSON, or as an event stream."""

from handlers.streams.live import service_log
from handlers.streams.stored import events, log

__all__ = ["events", "log", "service_log"]
