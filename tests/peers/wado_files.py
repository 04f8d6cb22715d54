"""A WADO-RS server of a few lines that gives out what it is told, buffer by buffer, and fails as it is told."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from loadtests.dataset import Buffer

Fault = Literal["", "cut", "cut once", "chunked", "chunked and cut", "silent"]


@contextmanager
def wado_files(files: Mapping[str, tuple[Buffer, ...]], fault: Fault = "") -> Iterator[str]:
    """Yields the origin; `files` are by SOP instance UID, 404 is answered for others.

    Args:
        files: each one's buffers.
        fault: what goes wrong: the end of every answer (with "once": of the first) is missing; an answer is chunked
            instead of announced; others are never answered.
    """
    released = threading.Event()
    cuts_left = [{"cut": 1 << 30, "cut once": 1, "chunked and cut": 1 << 30}.get(fault, 0)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            buffers = files.get(self.path.rsplit("/", 1)[1])
            if buffers is None and fault == "silent":
                released.wait()
                return
            if buffers is None:
                self.send_error(404)
                return
            parts = [b"--b\r\nContent-Type: application/dicom\r\n\r\n", *buffers, b"\r\n--b--"]
            self.send_response(200)
            self.send_header("Content-Type", 'multipart/related; type="application/dicom"; boundary=b')
            if chunked := fault.startswith("chunked"):
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header("Content-Length", str(sum(map(len, parts))))
            self.end_headers()
            if cuts_left[0] > 0:
                cuts_left[0] -= 1
                parts[-2:], self.close_connection = [], True
            for part in parts:
                self.wfile.write(b"%x\r\n" % len(part) if chunked else b"")
                self.wfile.write(part)
                self.wfile.write(b"\r\n" if chunked else b"")
            if chunked and not self.close_connection:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that goes away in the middle is part of the tests

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        released.set()
        server.shutdown()
        thread.join()
        server.server_close()
