"""The rules of the panel: plain synchronous Python that sees the world only through ports."""
