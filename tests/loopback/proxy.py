"""The way to the true addresses: a proxy on this machine, and certificates for the origin hosts.

``HTTPS_PROXY`` and ``SSL_CERT_FILE`` lead the code that users run, with the addresses that the
catalog has, to a server on this machine.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from tests.loopback.server import Site, serve

HUB_CDN = "cas-bridge.xethub.hf.co"
GITHUB_OBJECTS = "release-assets.githubusercontent.com"
HOSTS = (
    "huggingface.co", HUB_CDN, "github.com", GITHUB_OBJECTS, "download.pytorch.org",
    "pjreddie.com", "data.pjreddie.com",
)  # fmt: skip


@dataclass
class Web:
    """Origin hosts that are really this machine.

    Attributes:
        site: What they have, all of them together.
        environment: What leads a process to them.
        visited: Hosts that the proxy was asked for, in order.
        refusal: What the proxy answers instead of connecting.
    """

    site: Site
    environment: dict[str, str] = field(default_factory=dict)
    visited: list[str] = field(default_factory=list)
    refusal: bytes | None = None

    def publish_github(self, tag: str, file: str, content: bytes) -> str:
        path = self.site.publish_github(tag, file, content, objects=f"https://{GITHUB_OBJECTS}")
        return f"https://github.com{path}"

    def publish_hub(self, repo: str, file: str, content: bytes) -> str:
        path = self.site.publish_hub(repo, file, content, cdn=f"https://{HUB_CDN}")
        return f"https://huggingface.co{path}"

    def publish(self, url: str, content: bytes) -> None:
        """Put a file at its very address."""
        self.site.publish("/" + url.split("/", 3)[3], content)


@contextlib.contextmanager
def serve_web(folder: Path, *, hosts: tuple[str, ...] = HOSTS) -> Iterator[Web]:
    """Serve the origin hosts; ``folder`` takes the certificate of their authority."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(tls)
    certificate = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(certificate))
    web = Web(Site())
    with serve(web.site, tls) as base, _serve_proxy(web, base) as proxy:
        web.environment = {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(certificate)}
        yield web


@contextlib.contextmanager
def _serve_proxy(web: Web, base: str) -> Iterator[str]:
    port = int(base.rpartition(":")[2])
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=_connect, args=(web, client, port), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _connect(web: Web, client: socket.socket, port: int) -> None:
    """Answer one CONNECT, and carry bytes both ways until either side ends."""
    with client, contextlib.suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096) or b"\r\n\r\n"
        method, place = head.split(b" ", 2)[:2]
        assert method == b"CONNECT"
        web.visited.append(place.decode().removesuffix(":443"))
        if web.refusal is not None:
            client.sendall(web.refusal)
            return
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_carry, args=(server, client), daemon=True)
            back.start()
            _carry(client, server)
            back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
