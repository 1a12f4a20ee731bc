"""What libraries would send, fetch or leave in the home folder by themselves, and what stops it.

Read in the pinned versions and seen with ``strace``; ``tests/e2e/test_connections.py`` watches.
The package itself imports this, so it imports nothing but ``os`` and ``sys``.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

# onnxruntime 1.32 sends from its own import on: it starts threads that look up
# mobile.events.data.microsoft.com, with a device number in ~/.cache/Microsoft. It reads this once,
# as it is imported (core/platform/telemetry_1ds.cc).
TELEMETRY_VARIABLE = "ORT_DISABLE_TELEMETRY"
_YES = ("1", "true", "yes", "on")  # what onnxruntime takes for yes

_SCRATCH = "{scratch}"
# variable, its value in the engine's processes, and what that stops
ENGINE_VARIABLES = (
    # ultralytics: utils/events.py, utils/__init__.py:is_online; utils/checks.py; utils/__init__.py
    ("YOLO_OFFLINE", "1", "ultralytics' analytics and downloads"),
    ("YOLO_AUTOINSTALL", "False", "packages that ultralytics installs"),
    ("YOLO_CONFIG_DIR", _SCRATCH, "ultralytics' settings and fonts in the home folder"),
    # utils/callbacks/wb.py; the other services' loggers have no variable:
    # engine/ultralytics_patches.py
    ("WANDB_MODE", "disabled", "records that go to Weights & Biases"),
    # matplotlib/__init__.py:get_configdir, and what it asks fontconfig
    ("MPLCONFIGDIR", _SCRATCH, "matplotlib's settings and list of fonts in the home folder"),
    # torch/hub.py, fontconfig and whatever else follows the XDG base directories
    ("XDG_CACHE_HOME", _SCRATCH, "caches of torch hub and fontconfig in the home folder"),
    # torch/_inductor/runtime/cache_dir_utils.py, triton/knobs.py
    ("TORCHINDUCTOR_CACHE_DIR", _SCRATCH, "torch's compiler cache"),
    ("TRITON_HOME", _SCRATCH, "triton's kernels in the home folder"),
)

# What loggers of a run need beside the options of their own that are set where they are opened.
LOGGER_VARIABLES = (
    # mlflow/telemetry/client.py
    ("MLFLOW_DISABLE_TELEMETRY", "true", "usage that MLflow sends"),
    # mlflow/store/tracking/file_store.py, since 3.17
    ("MLFLOW_ALLOW_FILE_STORE", "true", "its refusal to write a store of plain files"),
    # mlflow/environment_variables.py: training waits meanwhile, up to ten minutes otherwise
    ("MLFLOW_HTTP_REQUEST_TIMEOUT", "10", "long waits for a server that does not answer"),
    ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1", "long waits for a server that does not answer"),
    # wandb/env.py, analytics/opentelemetry, wandb-core
    ("WANDB_ERROR_REPORTING", "false", "error reports that Weights & Biases sends home"),
    # wandb/env.py:get_cache_dir
    ("WANDB_CACHE_DIR", "{scratch}/wandb/cache", "its logs in the home folder"),
)


def refuse_telemetry() -> None:
    """Have onnxruntime send nothing, in this process and in its children.

    Whoever sets the variable decides; it counts only before onnxruntime is imported.
    """
    os.environ.setdefault(TELEMETRY_VARIABLE, "1")


def is_telemetry_refused() -> bool:
    """Tell whether onnxruntime, imported now, would send nothing."""
    return os.environ.get(TELEMETRY_VARIABLE, "").strip().lower() in _YES


def stop_telemetry(onnxruntime: ModuleType) -> None:
    """Stop what is left to stop where onnxruntime was imported before yolokit.

    The event of its import is on its way by then; no other one follows.
    """
    if is_telemetry_refused():
        onnxruntime.disable_telemetry_events()


def forbid_openvino_telemetry() -> None:
    """Have OpenVINO send nothing: from its import on it does, by a package that is not loaded here.

    Without that package it takes a stand-in (openvino/tools/ovc/telemetry_stub.py).
    A program that has imported OpenVINO before has decided otherwise.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def quiet_loggers(run_dir: Path) -> None:
    """Have the loggers of a run send nothing behind the user's back, from before their import on.

    Whoever sets a variable decides.
    """
    for name, value, _ in LOGGER_VARIABLES:
        os.environ.setdefault(name, value.format(scratch=run_dir))


def engine_variables(scratch: Path) -> dict[str, str]:
    """Return the variables with which upstream sends, installs and leaves nothing.

    What must be written somewhere lands in ``scratch``, a folder that goes with the process.
    """
    return {name: value.format(scratch=scratch) for name, value, _ in ENGINE_VARIABLES}
