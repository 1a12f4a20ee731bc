"""A training on several machines: which one is the first, and what the others do.

The first has the folder of the run and its record. On the others nothing is left behind.
"""

from __future__ import annotations

import hashlib
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.events import Notice
from yolokit.core.machine import usable_cores
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.requests import STATE_FILE, TrainRequest
from yolokit.errors import ConfigError, TrainError
from yolokit.train.config.upstream import to_own_settings, to_upstream
from yolokit.train.data import write_data_yaml
from yolokit.train.record import collect_versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.core.events import OnEvent
    from yolokit.datasets.check import DatasetReport
    from yolokit.engine_protocol.own_settings import OwnSettings
    from yolokit.train.config import TrainConfig
    from yolokit.train.record import RunRecord

_LAST = "last.pt"
_KEPT = (_LAST, STATE_FILE)  # what a run goes on from
# May differ between machines that train together.
_OWN = ("data", "weights", "trust", "offline", "device", "workers", "cache")


def leads(config: TrainConfig) -> bool:
    """Tell whether this machine is the first: it has the address of ``rdzv``, and its port is free.

    One that is taken there belongs to a run which has begun, on this machine too.

    Raises:
        ConfigError: There is no such host.
    """
    if config.nnodes == 1:
        return True
    assert config.rdzv is not None
    host, _, port = config.rdzv.rpartition(":")
    host = host.strip("[]")
    try:
        socket.getaddrinfo(host, int(port))
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError(f"rdzv: there is no host {host!r}") from error
    try:
        socket.create_server((host, int(port))).close()
    except OSError:
        return False
    return True


def describe_command(config: TrainConfig, data: DatasetReport) -> str:
    """Return a digest of what must be equal on all machines of a run."""
    options = msgspec.to_builtins(config)
    told = {name: value for name, value in options.items() if name not in _OWN}
    versions = {name: collect_versions()[name] for name in ("yolokit", "torch", "ultralytics")}
    content = msgspec.json.encode([told, data.sha256, versions], order="sorted")
    return hashlib.sha256(content).hexdigest()


def settle_machines(
    config: TrainConfig, data: DatasetReport, run_dir: Path, lineage: str, *, first: bool = True
) -> OwnSettings:
    """Return our settings of a training, with this machine's part in it."""
    own = to_own_settings(config, run_dir, lineage)
    if config.nnodes == 1:
        return own
    return msgspec.structs.replace(own, leads=first, command=describe_command(config, data))


def join_training(config: TrainConfig, on_event: OnEvent) -> None:
    """Train along with the first machine, which has the folder of the run.

    Raises:
        YolokitError: As :func:`yolokit.train.run.train_model` does.
    """
    from yolokit.train.run import check_options

    data, plan = check_options(config, None, on_event)
    with tempfile.TemporaryDirectory(prefix="yolokit-join-") as scratch:
        folder = Path(scratch)
        start = plan.request(config, list(data.names), folder)
        _join(config, data, folder, {"start": start, "freeze": config.freeze}, on_event)


def join_resumed(run_dir: Path, changes: Mapping[str, Any], on_event: OnEvent) -> None:
    """Go on with a run along with the first machine; nothing is written to its folder here.

    Raises:
        TrainError: The folder is not a run, or has no ``last.pt``.
        YolokitError: As :func:`yolokit.train.run.resume_training` does.
    """
    from yolokit.train.resume import find_data, list_frozen

    record = read_joined(run_dir, changes)
    last = run_dir / _LAST
    if not last.is_file():
        raise TrainError(
            f"{run_dir} has no {_LAST}",
            hint="copy the run's folder from the first machine to this one, or share it",
        )
    data = find_data(record, changes, last, on_event)
    with tempfile.TemporaryDirectory(prefix="yolokit-join-") as scratch:
        folder = Path(scratch)
        for name in filter(lambda name: (run_dir / name).is_file(), _KEPT):
            shutil.copyfile(run_dir / name, folder / name)
        _join(record.config, data, folder, {"start": None, "freeze": list_frozen(record)}, on_event)


def read_joined(run_dir: Path, changes: Mapping[str, Any]) -> RunRecord:
    """Return the record of a run with the options that this machine changes; nothing is written.

    Raises:
        TrainError: The folder is not a run.
        ConfigError: An option cannot be changed, or has no such value.
    """
    from yolokit.train.record import read_record
    from yolokit.train.resume import check_changes

    record = read_record(run_dir)
    record.config = msgspec.structs.replace(record.config, **check_changes(record, changes))
    return record


def _join(
    config: TrainConfig,
    data: DatasetReport,
    folder: Path,
    begin: Mapping[str, Any],
    on_event: OnEvent,
) -> None:
    request = TrainRequest(
        data_yaml=str(write_data_yaml(data, folder)),
        settings=to_upstream(config),
        threads=usable_cores(),
        own=settle_machines(config, data, folder, "{}", first=False),
        **begin,
    )
    log = folder / "train.log"
    run_job("train", request, log_path=log, on_event=on_event, keeps_log=False)
    on_event(Notice(f"done; the run is in its folder on the first machine, {config.rdzv}"))
