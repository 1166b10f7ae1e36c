"""Respond with logs and events as a JSON page or as an event stream (server-sent events)."""

from handlers.streams.live import service_log
from handlers.streams.stored import events, log

__all__ = ["events", "log", "service_log"]
