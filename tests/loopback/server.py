"""A server on this machine that has files where the origin hosts have them, and faults on demand.

Real sockets and real HTTP: what downloads from it is the code that users run, unchanged.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, urlsplit

CHUNK_BYTES = 4096

# A fault takes the place of one answer; see faults.py.
Fault = Callable[["Reply"], None]


@dataclass
class Request:
    """One request as it came in, and how many bytes of a body went out for it."""

    host: str
    path: str
    headers: dict[str, str]
    sent_bytes: int = 0

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


@dataclass
class Site:
    """What a server has: files, redirects and planned faults, by path."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    plans: dict[str, list[Fault]] = field(default_factory=dict)
    always: dict[str, Fault] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    pause_s: float = 0.0
    stopped: threading.Event = field(default_factory=threading.Event)

    def publish_github(self, tag: str, file: str, content: bytes, *, objects: str = "") -> str:
        """Put a file where a release of the assets has it: its address leads to another host."""
        path = f"/ultralytics/assets/releases/download/{tag}/{quote(file)}"
        real = f"/github-production-release-asset/521807533/{hashlib.md5(content).hexdigest()}"
        self.redirects[path] = (
            f"{objects}{real}?sp=r&sig=s%2Fecret&rscd=attachment%3B+filename%3D{quote(file)}"
        )
        self.files[real] = content
        return path

    def publish_hub(self, repo: str, file: str, content: bytes, *, cdn: str = "") -> str:
        """Put a file where a repository of the hub has it: its address leads to a CDN."""
        path = f"/{repo}/resolve/main/{quote(file)}"
        real = f"/xet-bridge-us/{hashlib.sha256(content).hexdigest()}"
        self.redirects[path] = f"{cdn}{real}?X-Amz-Signature=secret&x-id=GetObject"
        self.files[real] = content
        return path

    def publish(self, path: str, content: bytes) -> str:
        """Put a file at its very address, as download.pytorch.org and pjreddie.com do."""
        self.files[path] = content
        return path

    def real_path(self, path: str) -> str:
        """Return where the bytes of an address are in the end."""
        while path in self.redirects:
            path = urlsplit(self.redirects[path]).path
        return path

    def fail(self, path: str, *faults: Fault, always: Fault | None = None) -> None:
        """Plan faults for the answers at a path: one after another, or for all that follow."""
        self.plans[path] = list(faults)
        if always is not None:
            self.always[path] = always

    def next_fault(self, path: str) -> Fault | None:
        plan = self.plans.get(path)
        return plan.pop(0) if plan else self.always.get(path)

    def sent_bytes(self) -> int:
        return sum(request.sent_bytes for request in self.requests)


class Reply:
    """One answer: what faults and the ordinary way of serving are written with."""

    def __init__(self, handler: _Handler, request: Request, content: bytes) -> None:
        self._handler, self.request, self.content = handler, request, content
        self.site = handler.site
        self.etag = f'"{hashlib.md5(content).hexdigest()}"'

    def head(self, status: int, headers: dict[str, str]) -> None:
        self._handler.send_response(status)
        for key, value in headers.items():
            self._handler.send_header(key, value)
        self._handler.end_headers()

    def raw(self, content: bytes) -> None:
        """Write bytes that are not a body, or not HTTP at all."""
        self._handler.wfile.write(content)
        self._handler.wfile.flush()

    def body(self, content: bytes) -> None:
        """Write a body in small pieces, each of them counted once it is out."""
        for start in range(0, len(content), CHUNK_BYTES):
            piece = content[start : start + CHUNK_BYTES]
            self.raw(piece)
            self.request.sent_bytes += len(piece)
            if self.site.pause_s:
                self.wait(self.site.pause_s)

    def wait(self, seconds: float) -> bool:
        """Wait, unless the server is stopped; tell whether it was."""
        return self.site.stopped.wait(seconds)

    def cut(self) -> None:
        """Close the connection in an orderly way, whatever was promised."""
        self._handler.close_connection = True

    def reset(self) -> None:
        """Drop the connection as a machine does that crashes."""
        self._handler.wfile.flush()
        with contextlib.suppress(OSError):
            self._handler.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            self._handler.connection.close()
        self._handler.close_connection = True

    def serve(self, *, etag: str | None = None, ranges: bool = True) -> None:
        """Answer as an honest server does, with ranges and If-Range."""
        etag = etag or self.etag
        headers = {"ETag": etag, "Content-Type": "application/octet-stream"}
        start = self._start(etag) if ranges else 0
        if start > len(self.content) or (start and start == len(self.content)):
            self.head(416, {"Content-Range": f"bytes */{len(self.content)}", "Content-Length": "0"})
            return
        rest = self.content[start:]
        headers["Content-Length"] = str(len(rest))
        if start:
            last = len(self.content) - 1
            headers["Content-Range"] = f"bytes {start}-{last}/{len(self.content)}"
        self.head(206 if start else 200, headers)
        self.body(rest)

    def _start(self, etag: str) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", self.request.range or "")
        wanted = self.request.headers.get("if-range")
        return int(match[1]) if match and wanted in (None, etag) else 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    @property
    def site(self) -> Site:
        return self.server.site

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        headers = {key.lower(): value for key, value in self.headers.items()}
        request = Request(headers.get("host", ""), self.path, headers)
        self.site.requests.append(request)
        reply = Reply(self, request, self.site.files.get(path, b""))
        fault = self.site.next_fault(path)
        try:
            if fault is not None:
                fault(reply)
            elif path in self.site.redirects:
                reply.head(302, {"Location": self.site.redirects[path], "Content-Length": "0"})
            elif path in self.site.files:
                reply.serve()
            else:
                reply.head(404, {"Content-Length": "9"})
                reply.raw(b"not found")
        except OSError:  # the client went away, which is what many tests make it do
            self.close_connection = True

    def log_message(self, *_args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    site: Site

    def handle_error(self, *_args: Any) -> None:
        pass


@contextlib.contextmanager
def serve(site: Site, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve a site on a free port of this machine; yield its address without a path."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.site = site
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        scheme = "https" if tls is not None else "http"
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        site.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
