"""What servers do wrong, by accident or on purpose. Each takes the place of one answer."""

from __future__ import annotations

from tests.loopback.server import CHUNK_BYTES, Fault, Reply

BINARY = {"Content-Type": "application/octet-stream"}


def status(code: int, **headers: str) -> Fault:
    """Answer with a status and nothing else."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return lambda reply: reply.head(code, {"Content-Length": "0", **named})


def reset_after(share: float) -> Fault:
    """Crash after a part of the body."""

    def fault(reply: Reply) -> None:
        start, rest = _rest(reply)
        _head(reply, start, rest)
        reply.body(rest[: int(len(rest) * share)])
        reply.reset()

    return fault


def cut_after(share: float) -> Fault:
    """Close the connection in an orderly way, before all is sent that was promised."""

    def fault(reply: Reply) -> None:
        start, rest = _rest(reply)
        _head(reply, start, rest)
        reply.body(rest[: int(len(rest) * share)])
        reply.cut()

    return fault


def cut_without_length(share: float) -> Fault:
    """Send a part, promise nothing, and close: an end like any other to who knows no size."""

    def fault(reply: Reply) -> None:
        reply.head(200, {**BINARY, "Connection": "close"})
        reply.body(reply.content[: int(len(reply.content) * share)])
        reply.cut()

    return fault


def chunked(extra: bytes = b"", *, finish: bool = True) -> Fault:
    """Send the body in chunks, without a length; perhaps with more, perhaps without an end."""

    def fault(reply: Reply) -> None:
        reply.head(200, {**BINARY, "Transfer-Encoding": "chunked"})
        content = reply.content + extra
        for start in range(0, len(content), CHUNK_BYTES):
            piece = content[start : start + CHUNK_BYTES]
            reply.raw(b"%x\r\n" % len(piece))
            reply.body(piece)
            reply.raw(b"\r\n")
        if finish:
            reply.raw(b"0\r\n\r\n")
        reply.cut()

    return fault


def too_much(*, with_length: bool) -> Fault:
    """Send more than the file has, and say so beforehand or not."""

    def fault(reply: Reply) -> None:
        content = reply.content + b"x" * 300_000
        length = {"Content-Length": str(len(content))} if with_length else {"Connection": "close"}
        reply.head(200, {**BINARY, **length})
        reply.body(content)
        reply.cut()

    return fault


def endless(reply: Reply) -> None:
    """Send bytes for as long as anybody takes them."""
    reply.head(200, {**BINARY, "Connection": "close"})
    while not reply.wait(0):
        reply.body(b"\0" * 65536)


def stated_length(length: int) -> Fault:
    """State another length than the body has."""

    def fault(reply: Reply) -> None:
        reply.head(200, {**BINARY, "Content-Length": str(length)})
        reply.body(reply.content[:length])
        reply.cut()

    return fault


def wrong_bytes(reply: Reply) -> None:
    """Serve a file of the right size with one bit changed."""
    middle = len(reply.content) // 2
    changed = bytearray(reply.content)
    changed[middle] ^= 1
    reply.content = bytes(changed)
    reply.serve()


def redirect(target: str, code: int = 302) -> Fault:
    """Lead elsewhere."""
    return lambda reply: reply.head(code, {"Location": target, "Content-Length": "0"})


def drip(bytes_per_s: float) -> Fault:
    """Send the body so slowly that no single read ever times out."""

    def fault(reply: Reply) -> None:
        start, rest = _rest(reply)
        _head(reply, start, rest)
        for index in range(len(rest)):
            reply.body(rest[index : index + 1])
            if reply.wait(1 / bytes_per_s):
                return

    return fault


def drip_headers(reply: Reply) -> None:
    """Send headers without an end, a byte at a time."""
    reply.raw(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not reply.wait(0.05):
        reply.raw(b"x")


def drip_framing(reply: Reply) -> None:
    """Send half of the body, and then the head of a chunk, a byte at a time."""
    reply.head(200, {**BINARY, "Transfer-Encoding": "chunked", "ETag": reply.etag})
    half = reply.content[: len(reply.content) // 2]
    reply.raw(b"%x\r\n" % len(half))
    reply.body(half)
    reply.raw(b"\r\n5;")
    while not reply.wait(0.05):
        reply.raw(b"x")


def endless_continue(reply: Reply) -> None:
    """Answer that the answer is still to come, again and again."""
    while not reply.wait(0.01):
        reply.raw(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def hang(reply: Reply) -> None:
    """Take the request and never answer."""
    reply.wait(60)


def hang_midway(reply: Reply) -> None:
    """Send half of the body and then nothing."""
    start, rest = _rest(reply)
    _head(reply, start, rest)
    reply.body(rest[: len(rest) // 2])
    reply.wait(60)


def garbage(reply: Reply) -> None:
    """Answer with something that is not HTTP."""
    reply.raw(b"\x00\xffSSH-2.0-OpenSSH_9.6\r\n\r\n")
    reply.cut()


def huge_headers(reply: Reply) -> None:
    """Send more headers than anybody should take."""
    reply.raw(b"HTTP/1.1 200 OK\r\n" + b"X-Large: " + b"x" * 400_000 + b"\r\n\r\n")
    reply.cut()


def no_range(reply: Reply) -> None:
    """Send the whole file, whatever part was asked for."""
    reply.serve(ranges=False)


def new_etag(reply: Reply) -> None:
    """Have a different file now, as an honest server says by answering 200 with all of it."""
    reply.serve(etag='"another"')


def ignores_if_range(reply: Reply) -> None:
    """Have a different file now, and send a part of it all the same."""
    start, rest = _rest(reply)
    _head(reply, start, rest, etag='"another"')
    reply.body(rest)


def wrong_part(shift: int) -> Fault:
    """Answer a range with another part than was asked for."""

    def fault(reply: Reply) -> None:
        start, _ = _rest(reply)
        if not start:
            reply.serve()
            return
        rest = reply.content[start + shift :]
        _head(reply, start + shift, rest)
        reply.body(rest)

    return fault


def lies_about_part(reply: Reply) -> None:
    """State the part that was asked for, and send another one of the same length."""
    start, rest = _rest(reply)
    _head(reply, start, rest)
    reply.body(reply.content[: len(rest)] if start else rest)


def content_range(value: str) -> Fault:
    """Answer 206 with a Content-Range of one's own."""

    def fault(reply: Reply) -> None:
        _, rest = _rest(reply)
        reply.head(206, {**BINARY, "Content-Range": value, "Content-Length": str(len(rest))})
        reply.body(rest)

    return fault


def says_gzip(reply: Reply) -> None:
    """Claim a compression that nobody asked for."""
    reply.head(
        200, {**BINARY, "Content-Encoding": "gzip", "Content-Length": str(len(reply.content))}
    )
    reply.body(reply.content)


def login_page(reply: Reply) -> None:
    """Answer as the login of a network does."""
    page = b"<html>please log in</html>"
    reply.head(200, {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(page))})
    reply.body(page)


def never_satisfied(reply: Reply) -> None:
    """Refuse every range."""
    if reply.request.range is None:
        reply.serve()
    else:
        reply.head(416, {"Content-Range": "bytes */5", "Content-Length": "0"})


def _rest(reply: Reply) -> tuple[int, bytes]:
    start = int((reply.request.range or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    return start, reply.content[start:]


def _head(reply: Reply, start: int, rest: bytes, *, etag: str | None = None) -> None:
    headers = {**BINARY, "ETag": etag or reply.etag, "Content-Length": str(len(rest))}
    if start:
        total = start + len(rest)
        headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
    reply.head(206 if start else 200, headers)
