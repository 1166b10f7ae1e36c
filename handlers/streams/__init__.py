"""Respond with logs and events as a JSON page or as an event stream (server-sent events), and with long files."""

from handlers.streams.download import download, exported
from handlers.streams.event_feed import EventFeed
from handlers.streams.live import service_log
from handlers.streams.open_streams import OpenStreams
from handlers.streams.stored import events, log

__all__ = ["EventFeed", "OpenStreams", "download", "events", "exported", "log", "service_log"]
