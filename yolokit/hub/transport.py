"""HTTP for the sources that speak it: the one module that uses httpx.

httpx brings what is easily done wrong by hand: proxies and certificates from the environment,
time-outs for each step, chunked bodies, connections that are closed on every way out. Redirects
are followed here, since each hop must pass the same check as the first address.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import ssl
import threading
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from yolokit.hub.source import Limits, SourceError, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

_REDIRECTS = (301, 302, 303, 307, 308)
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524)
_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its very spelling; no name is looked up."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address == ipaddress.IPv6Address("::1") or (address.version == 4 and address.is_loopback)


def check_address(scheme: str, host: str) -> None:
    """Refuse what is neither https nor plain http to this machine.

    Raises:
        SourceError: The address is not allowed.
    """
    if scheme not in ("http", "https"):
        raise SourceError(f"{scheme}: is no address that a server may lead to")
    if not host or not host.isprintable():
        raise SourceError("the address has no host")
    if scheme == "http" and not is_loopback(host):
        raise SourceError(f"plain http to {host} is refused: anybody on the way could change it")


@contextlib.contextmanager
def open_http(
    url: str,
    *,
    offset_bytes: int,
    validator: str | None,
    limits: Limits,
    token: str | None = None,
) -> Iterator[Stream]:
    """Open a file over HTTP; see :class:`yolokit.hub.source.Source`.

    Args:
        url: Address, https or plain http to this machine.
        offset_bytes: Where to go on.
        validator: The strong ETag or date that an earlier answer stated.
        limits: How long to wait.
        token: Sent to the address's own host alone.

    Raises:
        SourceError: It cannot be opened.
    """
    headers = {
        "User-Agent": "yolokit",
        "Accept": "*/*",
        # Compressed bytes would have other sizes and offsets than the file.
        "Accept-Encoding": "identity",
    }
    if offset_bytes:
        headers["Range"] = f"bytes={offset_bytes}-"
        if validator is not None:
            headers["If-Range"] = validator
    with contextlib.ExitStack() as stack:
        response = _follow(stack, url, headers, limits, token)
        yield _to_stream(response, offset_bytes, validator, limits)


def _follow(
    stack: contextlib.ExitStack,
    url: str,
    headers: dict[str, str],
    limits: Limits,
    token: str | None,
) -> httpx.Response:
    """Send the request, and send it again wherever an answer leads to."""
    start = current = _parse(url)
    for _ in range(limits.redirects + 1):
        check_address(current.scheme, current.host)
        if is_loopback(current.host) and not is_loopback(start.host):
            raise SourceError(f"{start.host} leads to this machine itself, which is refused")
        extra = {"Authorization": f"Bearer {token}"} if token and _same(current, start) else {}
        hop = contextlib.ExitStack()
        stack.enter_context(hop)
        response = hop.enter_context(_send(current, headers | extra, limits))
        if response.status_code not in _REDIRECTS:
            return response
        location = response.headers.get("location")
        if not location:
            raise SourceError(f"answers {response.status_code}, but does not say where to")
        hop.close()
        current = _parse(location, base=current)
    raise SourceError(f"leads through more than {limits.redirects} redirects")


def _same(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _parse(url: str, base: httpx.URL | None = None) -> httpx.URL:
    import httpx

    try:
        return base.join(url) if base is not None else httpx.URL(url)
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise SourceError(f"leads to something that is no address ({error})") from error


@contextlib.contextmanager
def _send(url: httpx.URL, headers: dict[str, str], limits: Limits) -> Iterator[httpx.Response]:
    """Send one request and yield the answer as soon as its headers are there."""
    import httpx

    with contextlib.ExitStack() as stack:
        with _foreign_errors(limits):
            # A proxy's loopback is another machine's: this machine is always reached directly.
            encrypted = url.scheme == "https"  # else no certificate is ever looked at
            direct = httpx.HTTPTransport(verify=encrypted) if is_loopback(url.host) else None
            client = stack.enter_context(
                httpx.Client(
                    transport=direct,
                    timeout=httpx.Timeout(limits.read_s, connect=limits.connect_s),
                )
            )
            request = client.build_request("GET", url, headers=headers)
            with _deadline(client, limits.headers_s):
                response = client.send(request, stream=True, follow_redirects=False)
            stack.callback(response.close)
        yield response


@contextlib.contextmanager
def _deadline(client: httpx.Client, seconds: float) -> Iterator[None]:
    """Close the connection if the body of the block takes too long.

    Time-outs of reads start anew with every byte, so headers that drip would never meet one.
    """
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        client.close()

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if expired.is_set():
            raise SourceError(
                f"did not answer completely within {seconds:g} s", transient=True
            ) from error
        raise
    finally:
        timer.cancel()


@contextlib.contextmanager
def _foreign_errors(limits: Limits) -> Iterator[None]:
    """Turn whatever httpx raises into a SourceError: the boundary of that library."""
    import httpx

    try:
        yield
    except httpx.ConnectTimeout as error:
        raise SourceError(f"no connection within {limits.connect_s:g} s", transient=True) from error
    except httpx.TimeoutException as error:
        raise SourceError(f"nothing came for {limits.read_s:g} s", transient=True) from error
    except httpx.ProxyError as error:
        busy = str(error).startswith("5")  # its status; 403 and 407 will be the same again
        raise SourceError(f"the proxy refused: {error}", transient=busy) from error
    except httpx.RemoteProtocolError as error:
        raise SourceError(f"broke off, or is no HTTP ({error})", transient=True) from error
    except httpx.TransportError as error:
        raise _network_error(error) from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise SourceError(f"{error}") from error
    except (OSError, ValueError, ImportError) as error:
        # Proxies and certificates from the environment that make no sense end here.
        raise SourceError(f"cannot set up a connection: {error}") from error


def _network_error(error: httpx.TransportError) -> SourceError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SourceError(f"its certificate is not trusted: {cause.verify_message}")
        cause = cause.__cause__ or cause.__context__
    return SourceError(f"{error}" or type(error).__name__, transient=True)


def _to_stream(
    response: httpx.Response, offset_bytes: int, validator: str | None, limits: Limits
) -> Stream:
    _check_status(response)
    headers = response.headers
    stated = _validator(response)
    start, total = _read_extent(response, offset_bytes)
    if response.status_code == 416:
        return Stream(iter(()), start, total, validator)
    if start and validator is not None and stated != validator:
        # A server that heeds Range but not If-Range would mix two files.
        raise SourceError("has another file by now", transient=True, restart=True)
    _check_kind(response)
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    return Stream(
        chunks=_read(response, limits),
        offset_bytes=start,
        total_bytes=total,
        validator=stated,
        ends_visibly=chunked or total is not None or "content-length" in headers,
    )


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status in (200, 206, 416):
        return
    words = f"answers {status} {response.reason_phrase}".strip()
    if status in _TRANSIENT:
        raise SourceError(words, transient=True, after_s=_retry_after(response))
    raise SourceError(words)


def _check_kind(response: httpx.Response) -> None:
    """Refuse what cannot be the file itself.

    A page for people in place of a file is how logins of networks answer; without a known hash
    it would be taken for the weights.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise SourceError(f"sends {encoding[:40]}, though plain bytes were asked for")
    if response.headers.get("content-type", "").lower().startswith("text/html"):
        raise SourceError("answers with a web page, not with a file")


def _read_extent(response: httpx.Response, asked: int) -> tuple[int, int | None]:
    """Return where the body begins and how long the whole file is, both in bytes."""
    if response.status_code == 200:
        return 0, _content_length(response)
    match = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
    first, last, total = match.groups() if match else (None, None, None)
    size = int(total) if total and total != "*" else None
    if response.status_code == 416:
        if size == asked:
            return asked, size
        raise SourceError("has less than is here already", transient=True, restart=True)
    if first is None or int(first) != asked:
        raise SourceError("sends another part than was asked for", transient=True, restart=True)
    if size is not None and not int(first) <= int(last or 0) < size:
        raise SourceError("contradicts itself about the part it sends", restart=True)
    return asked, size


def _content_length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _validator(response: httpx.Response) -> str | None:
    """Return what If-Range may carry: a strong ETag, else the date of the last change."""
    tag = response.headers.get("etag")
    if tag and tag.startswith('"'):
        return str(tag)
    changed = response.headers.get("last-modified")
    return str(changed) if changed else None


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(0.0, moment.timestamp() - time.time())


def _read(response: httpx.Response, limits: Limits) -> Iterator[bytes]:
    chunks: Iterator[bytes] | None = None
    while True:
        with _foreign_errors(limits):
            chunks = response.iter_raw() if chunks is None else chunks
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk
