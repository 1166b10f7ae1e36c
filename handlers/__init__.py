"""The HTTP API and the processes that run the panel: they translate requests for the rules in domain/."""
