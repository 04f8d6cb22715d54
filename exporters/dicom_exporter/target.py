"""Where a probe goes: HOST:PORT."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A host (name or address, IPv6 without brackets) and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Target":
        """From HOST:PORT or [IPv6]:PORT. Raises ValueError in words."""
        host, colon, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        if bracketed:
            host = host[1:-1]
        if not colon or not host or (":" in host and not bracketed) or host != host.strip():
            raise ValueError(f"target {text!r} is not HOST:PORT")
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(f"target {text!r} has no port within 1 to 65535")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
