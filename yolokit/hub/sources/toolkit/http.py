"""HTTP for the sources that speak it: the one module that uses httpx.

httpx handles what is easily done wrong by hand: proxies and certificates from the environment,
time-outs for each step, chunked bodies, connections that are closed on every way out. Redirects
are followed here, since each hop must pass the same check as the first address.
"""

from __future__ import annotations

import contextlib
import ipaddress
import math
import re
import ssl
import threading
import time
from typing import TYPE_CHECKING, Self

from yolokit.hub.source import SourceError
from yolokit.hub.sources.toolkit.response import read_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from yolokit.hub.source import Limits, Stream

_REDIRECTS = (301, 302, 303, 307, 308)
_LOOK_S = 0.2


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its spelling alone; no name is looked up."""
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
        raise SourceError(f"{scheme}: is not an address that a server may redirect to")
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

    A token is sent to the address's own host alone.

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
        response, deadline = _follow(stack, url, headers, limits, token)
        yield read_head(
            response,
            _read(response, deadline, limits),
            first_url=url,
            offset_bytes=offset_bytes,
            validator=validator,
        )


def _follow(
    stack: contextlib.ExitStack,
    url: str,
    headers: dict[str, str],
    limits: Limits,
    token: str | None,
) -> tuple[httpx.Response, _Deadline]:
    """Send the request, and follow each redirect."""
    start = current = _parse(url)
    for _ in range(limits.redirects + 1):
        check_address(current.scheme, current.host)
        if is_loopback(current.host) and not is_loopback(start.host):
            raise SourceError(f"{start.host} redirects to this machine itself, which is refused")
        extra = {"Authorization": f"Bearer {token}"} if token and _same(current, start) else {}
        hop = contextlib.ExitStack()
        stack.enter_context(hop)
        response, deadline = hop.enter_context(_send(current, headers | extra, limits))
        if response.status_code not in _REDIRECTS:
            return response, deadline
        location = response.headers.get("location")
        if not location:
            raise SourceError(f"answers {response.status_code}, but does not say where to")
        hop.close()
        current = _parse(location, base=current)
    raise SourceError(f"redirects more than {limits.redirects} times")


def _same(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _parse(url: str, base: httpx.URL | None = None) -> httpx.URL:
    import httpx

    try:
        return base.join(url) if base is not None else httpx.URL(url)
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise SourceError(f"redirects to something that is not an address ({error})") from error


@contextlib.contextmanager
def _send(
    url: httpx.URL, headers: dict[str, str], limits: Limits
) -> Iterator[tuple[httpx.Response, _Deadline]]:
    """Send one request and yield the answer as soon as its headers are there."""
    import httpx

    with contextlib.ExitStack() as stack:
        with _foreign_errors(limits):
            # A proxy's loopback is another machine's: this machine is always reached directly.
            encrypted = url.scheme == "https"  # else no certificate would be checked
            direct = httpx.HTTPTransport(verify=encrypted) if is_loopback(url.host) else None
            timeout = httpx.Timeout(limits.read_s, connect=limits.connect_s)
            client = stack.enter_context(httpx.Client(transport=direct, timeout=timeout))
            request = client.build_request("GET", url, headers=headers)
            deadline = stack.enter_context(_Deadline(client.close))
            with deadline.within(limits.headers_s):
                response = client.send(request, stream=True, follow_redirects=False)
            stack.callback(response.close)
        yield response, deadline


def _read(response: httpx.Response, deadline: _Deadline, limits: Limits) -> Iterator[bytes]:
    """Yield the body; every chunk must come in time, however it is framed."""
    chunks: Iterator[bytes] | None = None
    while True:
        with _foreign_errors(limits), deadline.within(limits.read_s + limits.window_s):
            chunks = response.iter_raw() if chunks is None else chunks
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


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
        raise SourceError(f"broke off, or is not HTTP ({error})", transient=True) from error
    except httpx.TransportError as error:
        raise _network_error(error) from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise SourceError(f"{error}") from error
    except (OSError, ValueError, ImportError) as error:
        # Unusable proxies and certificates from the environment end here.
        raise SourceError(f"cannot set up a connection: {error}") from error


def _network_error(error: httpx.TransportError) -> SourceError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SourceError(f"its certificate is not trusted: {cause.verify_message}")
        cause = cause.__cause__ or cause.__context__
    words = re.sub(r"^\[\w+ -?\d+\] ", "", str(error))  # [Errno -2] tells people nothing
    return SourceError(words or type(error).__name__, transient=True)


class _Deadline:
    """Gives up a connection from a thread of its own when something takes too long.

    Time-outs of a connection start anew with every byte: headers, or the framing of a body, that
    come a byte at a time would never exceed one. ``give_up`` closes the connection, so that whoever
    reads from it gets an error at once.
    """

    def __init__(self, give_up: Callable[[], None]) -> None:
        self._give_up = give_up
        self._due_s = math.inf
        self._expired = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Allow the body of the block this long.

        Raises:
            SourceError: It took longer, and the connection was given up.
        """
        self._due_s = time.monotonic() + seconds
        try:
            yield
        except Exception as error:
            if self._expired:
                raise SourceError(f"did not end within {seconds:g} s", transient=True) from error
            raise
        finally:
            self._due_s = math.inf

    def _watch(self) -> None:
        # Looking now and then costs less than a signal for every chunk that comes in time.
        while not self._ended.wait(_LOOK_S):
            if time.monotonic() > self._due_s:
                self._expired = True
                self._give_up()
                return
