"""The pages outside of `/api`: the files of a frontend, or one small page of the panel's own."""

from handlers.frontend.pages import Frontend, open_frontend

__all__ = ["Frontend", "open_frontend"]
