"""Identity: roles and permissions, credentials, and the callers that they lead to.

`authenticator` finds the caller for a credential; `validity` says what a credential is worth now; `tokens` makes the
secrets; `permissions` says what a grant may do; `access` has the `Caller` that rules receive. Sessions are created in
`domain.auth`, keys in `domain.api_keys`.
"""
