"""One process of a training on several; torch's elastic agent starts it and watches it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import msgspec

from yolokit.engine import process
from yolokit.engine.distributed.request import WorkerRequest
from yolokit.engine.failures import explain as explain_failure
from yolokit.engine_protocol.child import Failed
from yolokit.errors import YolokitError

_LOOK_S = 0.5
_LOST = ("Connection closed by peer", "Connection reset by peer", "NCCL", "Broken pipe")


def main() -> None:
    """Train as one of several; the first one reports, and writes the result."""
    process.forbid_network()
    threading.Thread(target=_watch_agent, args=(os.getppid(),), daemon=True).start()
    path = Path(sys.argv[1])
    request = msgspec.json.decode(path.read_bytes(), type=WorkerRequest)
    process.allow_host(request.host)
    try:
        result = _train(request)
    except YolokitError as error:
        _fail(Failed(type(error).__name__, error.message, error.hint))
    except Exception as error:  # noqa: BLE001 - the boundary: whatever upstream raises ends here
        _fail(explain(error))
    else:
        if os.environ["RANK"] == "0":
            path.with_name("result.json").write_text(json.dumps(result))
    sys.stdout.flush()
    os._exit(0)  # threads of data loaders and of the process group do not keep it


def _train(request: WorkerRequest) -> dict[str, Any]:
    # Set before ultralytics is imported, which would set a single thread.
    os.environ["OMP_NUM_THREADS"] = str(request.threads)

    from yolokit.core.events import Notice
    from yolokit.engine.distributed import group
    from yolokit.engine.tasks.toolkit import load_task
    from yolokit.engine.threads import Pace
    from yolokit.engine.train import describe_precision, make_result

    device = request.devices[int(os.environ["LOCAL_RANK"])]
    group.place = group.Place(device, request.host, request.port)
    task = load_task(request.task)
    trainer = task.Trainer(overrides=request.overrides | {"device": device})
    if trainer.on_cpu:
        trainer.pace = Pace(request.threads, fixed=True)
        trainer.pace.apply()
    if trainer.is_first:
        devices = ",".join(request.devices)
        process.send(Notice(f"device {devices}, precision {describe_precision(trainer.args.amp)}"))
    trainer.train()
    args = trainer.args
    return make_result(",".join(request.devices), args.amp, trainer.batch_size, args.optimizer)


def explain(error: Exception) -> Failed:
    """Turn an error into a sentence; most workers only notice that another one is gone."""
    if any(text in str(error) for text in _LOST):
        return Failed("TrainError", "it lost the connection to another worker, which has ended")
    return explain_failure(error, "TrainError")


def _fail(failed: Failed) -> None:
    """Leave the reason where the agent looks for it, in its form, and end."""
    traceback.print_exc()
    reason = {
        "kind": failed.kind,
        "message": failed.message,
        "hint": failed.hint,
        "extraInfo": {"timestamp": str(int(time.time()))},
    }
    Path(os.environ["TORCHELASTIC_ERROR_FILE"]).write_text(json.dumps({"message": reason}))
    sys.stdout.flush()
    os._exit(1)


def _watch_agent(agent: int) -> None:
    """End this process, and those that load its images, when the one that started it is gone."""
    while os.getppid() == agent:
        time.sleep(_LOOK_S)
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
