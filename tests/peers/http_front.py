"""An HTTP front door before a real server: TLS, basic authentication, and answers that are altered on purpose."""

import base64
import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Alter = Callable[[str, int, bytes], tuple[int, bytes]]
"""Takes path, status and body of the real answer; returns status and body to give instead."""


@contextmanager
def http_front(
    port: int,
    *,
    alter: Alter = lambda path, status, body: (status, body),
    credentials: str = "",
    tls: tuple[Path, Path] | None = None,
) -> Iterator[str]:
    """Serve what listens on `port` of the loopback; the origin's URL is yielded.

    Args:
        port: the real server's.
        alter: what to make of its answers.
        credentials: `user:password` that is asked for.
        tls: certificate and private key (PEM files).
    """
    wanted = "Basic " + base64.b64encode(credentials.encode()).decode() if credentials else ""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if wanted and self.headers.get("Authorization") != wanted:
                self.answer(401, "text/plain", b"")
                return
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                headers = {name: value for name, value in self.headers.items() if name not in ("Host", "Authorization")}
                # as the balancer does, so that the URLs in answers are its own (RFC 7239)
                headers["Forwarded"] = f"host={self.headers['Host']};proto={'https' if tls else 'http'}"
                connection.request(self.command, self.path, body, headers)
                real = connection.getresponse()
                status, content = alter(self.path, real.status, real.read())
                self.answer(status, real.getheader("Content-Type", ""), content)
            finally:
                connection.close()

        do_GET = do_POST = forward  # noqa: N815  (the server's names)

        def answer(self, status: int, content_type: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that goes away in the middle is part of the tests

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
