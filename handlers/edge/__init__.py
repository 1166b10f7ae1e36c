"""What every request passes first: caller, rate limit, request id, errors."""
