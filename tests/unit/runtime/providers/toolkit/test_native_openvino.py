"""OpenVINO: what it computes in, what it is kept from, and what it leaves for the next start."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from yolokit.errors import InferenceError
from yolokit.runtime.providers.toolkit import EngineOptions
from yolokit.runtime.providers.toolkit.native_openvino import (
    OpenVinoEngine,
    import_openvino,
    is_installed,
    list_precisions,
    version,
)

if TYPE_CHECKING:
    from pathlib import Path

WHITE = np.ones((1, 3, 64, 64), np.float32)


def open_engine(path: Path, *, cache: Path | None = None, threads: int = 1) -> OpenVinoEngine:
    return OpenVinoEngine(path, EngineOptions(threads=threads, cache=cache), "CPU")


def test_its_telemetry_is_never_imported() -> None:
    script = (
        "import sys; from yolokit.runtime.providers.toolkit.native_openvino import list_precisions;"
        "list_precisions('CPU'); import openvino.tools.ovc;"
        "print(sys.modules['openvino_telemetry'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "None\n"


def test_another_precision_than_the_one_asked_for_is_refused(make_model: Any) -> None:
    """OpenVINO itself takes bf16 where a processor has no fp16, and says nothing."""
    lacking = next(name for name in ("fp16", "bf16") if name not in list_precisions("CPU"))
    options = EngineOptions(threads=1, precision=lacking)
    with pytest.raises(InferenceError, match=f"although {lacking} was asked for"):
        OpenVinoEngine(make_model(), options, "CPU")


def test_the_first_runs_are_one_after_another_and_later_ones_are_not(
    make_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, one process in four hung with all its threads: a deadlock in OpenVINO's binding."""
    engines = [open_engine(make_model()) for _ in range(2)]
    both = threading.Barrier(2)
    running: list[int] = []
    most: list[int] = []

    def run(_engine: Any, feeds: Any, _names: Any) -> list[Any]:
        running.append(1)
        most.append(len(running))
        if feeds["wait"]:
            both.wait(30)
        else:
            time.sleep(0.05)
        running.pop()
        return []

    monkeypatch.setattr(OpenVinoEngine, "_run", run)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda engine: engine.run({"wait": False}, []), engines * 2))
        assert max(most[:2]) == 1
        list(pool.map(lambda engine: engine.run({"wait": True}, []), engines))


def test_ports_have_the_names_of_the_file(tmp_path: Path) -> None:
    """An Identity at the end is taken away, and its tensor then has two names."""
    from onnx import TensorProto, helper, save

    nodes = [
        helper.make_node("Relu", ["images"], ["a/first"]),
        helper.make_node("Identity", ["a/first"], ["output0"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2])
        for name in ("images", "output0")
    ]
    graph = helper.make_graph(nodes, "two names", ports[:1], ports[1:])
    opset = helper.make_opsetid("", 17)
    save(helper.make_model(graph, opset_imports=[opset], ir_version=9), tmp_path / "m.onnx")
    engine = open_engine(tmp_path / "m.onnx")
    assert [port.name for port in engine.outputs] == ["output0"]
    (output,) = engine.run({"images": np.array([[-1, 2]], np.float32)}, ["output0"])
    assert output.tolist() == [[0, 2]]


def test_a_folder_of_its_name_is_not_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openvino").mkdir()
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "openvino", raising=False)
    assert (is_installed(), version()) == (False, None)


def test_half_of_an_installation_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "openvino"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(InferenceError, match=f"does not load: {tmp_path / 'openvino'} is not"):
        import_openvino()
    monkeypatch.delitem(sys.modules, "openvino")
