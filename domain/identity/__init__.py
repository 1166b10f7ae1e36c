"""Identity: roles and permissions, credentials, and the callers that they lead to."""
