"""What HTTP requests and WebSocket handshakes share: caller, rate limit, request ID, cookies, origins, errors.

`ws` may import everything here but `edge`, `errors` and `security`, which belong to the HTTP application.
"""
