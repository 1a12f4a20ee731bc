"""No connection leaves the engine: an audit hook refuses every address that is not this machine."""

from __future__ import annotations

import ipaddress
import sys

_LOCAL_NAMES = {"localhost", "localhost.localdomain", "", None}


class NetworkForbiddenError(OSError):
    """Something tried to reach the network; OSError, since libraries handle that as offline."""


def forbid_network() -> None:
    """Refuse name look-ups and connections that would leave this machine, for good.

    Loopback stays open: training on several GPUs talks over it. An audit hook cannot be removed
    again, which is what is wanted here.
    """
    sys.addaudithook(_refuse)


def _refuse(event: str, args: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        if not isinstance(address, tuple):
            return  # a Unix socket
        host = address[0]
    elif event in ("socket.gethostbyname", "socket.gethostbyaddr"):
        host = args[0]
    else:
        return
    if not is_local(host):
        print(f"yolokit: refused to reach {host}", flush=True)
        raise NetworkForbiddenError(f"yolokit's engine does not use the network (asked for {host})")


def is_local(host: object) -> bool:
    """Tell whether a host name or address is this machine."""
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    if host in _LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(str(host).split("%", 1)[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
