"""Lines as the balancer logs them."""

FIELDS = {
    "client": "10.30.1.17",
    "method": "GET",
    "status": "200",
    "operation": "wado-rs-frames",
    "backend": "http_readers",
    "server": "archive-0",
    "request_ms": "1",
    "queue_ms": "0",
    "connect_ms": "2",
    "response_ms": "37",
    "total_ms": "250",
    "received_bytes": "310",
    "sent_bytes": "526000",
    "end": "--",
}


def line(**other: str) -> bytes:
    """A line, with other values for some of its keys."""
    return f"http {' '.join(f'{key}={value}' for key, value in (FIELDS | other).items())}\n".encode()
