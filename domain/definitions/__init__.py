"""Definitions: from the fields of a request to a definition that passes the compose policy."""
