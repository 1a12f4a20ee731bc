"""Where the machines of a run meet: a store that listens on one address, and on no other.

torch's own stores listen on all addresses of a machine. This one is given a socket that is bound
already: to loopback for a run on one machine, else to the address that ``--rdzv`` names.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from torch.distributed import (  # type: ignore[attr-defined]  # not in __all__
    DistNetworkError,
    DistStoreError,
    PrefixStore,
    TCPStore,
)
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousStoreInfo,
)

from yolokit.core.plural import counted
from yolokit.engine.process import check_stop
from yolokit.errors import ConfigError, TrainError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.distributed import Store  # type: ignore[attr-defined]

LOOPBACK = "127.0.0.1"
ANSWERS_WITHIN_S = 30.0  # a store that took a connection; it does nothing else
_LOOK_S = 1.0


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens on one address of this machine; port 0 takes a free one.

    Raises:
        ConfigError: The address is not this machine's, or the port is taken.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ConfigError(
            f"rdzv: cannot listen on {host}:{port}: {error.strerror or error}",
            hint="--rdzv takes an address of the first machine and a port that is free there",
        ) from error


def host_store(listener: socket.socket, timeout_s: float) -> TCPStore:
    """Return a store that is served by this process, through a socket that listens already."""
    host, port = listener.getsockname()[:2]
    return TCPStore(
        host,
        port,
        is_master=True,
        wait_for_workers=False,
        timeout=timedelta(seconds=timeout_s),
        master_listen_fd=listener.detach(),
    )


def reach_store(host: str, port: int, timeout_s: float) -> TCPStore:
    """Return a store that another process serves; wait for it if need be.

    Raises:
        ConfigError: There is no such host.
        TrainError: Nobody answers in time.
    """
    until = time.monotonic() + timeout_s
    while True:
        check_stop()
        try:
            socket.create_connection((host, port), _LOOK_S).close()
            break
        except (socket.gaierror, UnicodeError) as error:
            raise ConfigError(f"rdzv: there is no host {host!r}") from error
        except OSError:  # not yet
            pass
        if time.monotonic() > until:
            raise TrainError(
                f"nobody answered at {host}:{port} for {timeout_s:.0f} s",
                hint="start the same command on the machine that --rdzv names; a firewall must let "
                "the port through",
            )
        time.sleep(_LOOK_S)
    return _join_store(host, port, timeout_s)


def _join_store(host: str, port: int, timeout_s: float) -> TCPStore:
    """Return a store that answers at an address.

    Raises:
        TrainError: Something else answers there, or nothing is said.
    """
    got: list[TCPStore | DistNetworkError] = []

    def join() -> None:
        try:
            got.append(
                TCPStore(
                    host, port, is_master=False, wait_for_workers=False,
                    timeout=timedelta(seconds=timeout_s),
                )
            )  # fmt: skip
        except DistNetworkError as error:
            got.append(error)

    # torch's time-out does not hold for a service that takes connections and says nothing.
    thread = threading.Thread(target=join, daemon=True)
    thread.start()
    until = time.monotonic() + min(ANSWERS_WITHIN_S, timeout_s)
    while thread.is_alive() and time.monotonic() < until:
        check_stop()
        thread.join(_LOOK_S / 10)
    if not got or not isinstance(got[0], TCPStore):
        raise TrainError(
            f"what answers at {host}:{port} is not a run of yolokit",
            hint="--rdzv takes an address of the first machine and a port that is free there",
        ) from (got[0] if got and isinstance(got[0], DistNetworkError) else None)
    return got[0]


def is_loopback(host: str) -> bool:
    """Tell whether an address, or all that a name stands for, is this machine's own loopback."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(entry[4][0])).is_loopback for entry in found)


class Meeting(RendezvousHandler):
    """Waits until all machines are there and were given the same command.

    The machine that serves the store is the first; it alone has the folder of the run. The others
    are numbered as they come. A run keeps its machines: none is replaced while it lasts.
    """

    NAME = "yolokit"

    def __init__(
        self, store: TCPStore, machines: int, *, leads: bool, command: str, timeout_s: float
    ) -> None:
        """Take part.

        Args:
            store: The store of the run.
            machines: How many there are.
            leads: Whether this is the first.
            command: A digest of what was asked for, which must be equal on all machines.
            timeout_s: How long to wait for the others.
        """
        self._store, self._machines = store, machines
        self._leads, self._command, self._timeout_s = leads, command, timeout_s

    def next_rendezvous(self) -> RendezvousInfo:
        """Return this machine's place, once all are there.

        Raises:
            ConfigError: A machine was given another command, or there is one too many.
            TrainError: One did not come in time, or the first one is gone.
        """
        meeting: Store = PrefixStore("meeting", self._store)
        try:
            rank = 0 if self._leads else meeting.add("others", 1)
            if rank >= self._machines:
                raise ConfigError(f"the run has its {self._machines} machines already")
            meeting.set(f"command-{rank}", self._command)
            differ = [
                index
                for index, command in enumerate(self._wait_for_commands(meeting))
                if command != meeting.get("command-0").decode()
            ]
        except (DistNetworkError, DistStoreError) as error:
            raise TrainError("the first machine of the run is gone") from error
        if differ:
            raise ConfigError(
                "the machines do not do the same: options, data set or versions of yolokit, torch "
                f"or ultralytics differ between the first machine and {_name(differ)}",
                hint="run the same command with the same data set on each; `yolokit doctor` shows "
                "the versions",
            )
        where = RendezvousStoreInfo(self._store.host, self._store.port)
        return RendezvousInfo(PrefixStore("agent", self._store), rank, self._machines, where)

    def _wait_for_commands(self, meeting: Store) -> Iterator[str]:
        until = time.monotonic() + self._timeout_s
        for rank in range(self._machines):
            while not meeting.check([f"command-{rank}"]):
                check_stop()
                if time.monotonic() > until:
                    others = counted(self._machines - rank, "machine")
                    raise TrainError(f"{others} did not come within {self._timeout_s:.0f} s")
                time.sleep(_LOOK_S / 10)
            yield meeting.get(f"command-{rank}").decode()

    def get_backend(self) -> str:
        """Return the name under which the launcher knows this."""
        return self.NAME

    def get_run_id(self) -> str:
        """Return the only run that there is in the store."""
        return self.NAME

    @property
    def use_agent_store(self) -> bool:
        """Whether workers use the same store."""
        return True

    def is_closed(self) -> bool:
        """Tell that it is open."""
        return False

    def set_closed(self) -> None:
        """Do nothing: there is no second meeting."""

    def num_nodes_waiting(self) -> int:
        """Return that no machine is admitted later."""
        return 0

    def shutdown(self) -> bool:
        """Tell that there is nothing to shut down: the store ends with its process."""
        return True


def _name(ranks: list[int]) -> str:
    return ", ".join(f"machine {rank + 1}" for rank in ranks)
