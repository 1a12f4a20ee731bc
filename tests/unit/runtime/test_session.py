"""The session: providers that do not load, files that are not models, errors that are ours."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from yolokit.errors import ConfigError, InferenceError, MissingDependencyError, ProviderError
from yolokit.runtime import session as module
from yolokit.runtime.session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class FakeOrt:
    """onnxruntime with providers of our choice, some of which silently do not load."""

    __version__ = "1.0"
    __file__ = "/nowhere/__init__.py"

    class SessionOptions(SimpleNamespace):
        def add_session_config_entry(self, key: str, value: str) -> None:
            setattr(self, key, value)

    def __init__(
        self,
        available: Sequence[str],
        broken: Sequence[str] = (),
        raising: Sequence[str] = (),
    ) -> None:
        self._available = list(available)
        self._broken = broken
        self._raising = raising
        self.asked: list[str] = []
        self.is_quiet = False

    def get_available_providers(self) -> list[str]:
        return self._available

    def disable_telemetry_events(self) -> None:
        self.is_quiet = True

    def set_default_logger_severity(self, level: int) -> None:
        self.severity = level

    def InferenceSession(self, path: str, *, providers: Any, **options: Any) -> Any:  # noqa: N802
        assert options["enable_fallback"] == 0
        chain = [name for name, _ in providers]
        self.asked.append(chain[0])
        if chain[0] in self._raising:
            raise RuntimeError(f"no luck with {chain[0]}\nmore of it")
        loaded = [name for name in chain if name not in self._broken]
        return SimpleNamespace(
            get_providers=lambda: loaded,
            get_inputs=list,
            get_outputs=list,
            get_modelmeta=lambda: SimpleNamespace(custom_metadata_map={}),
        )


@pytest.fixture
def use_ort(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeOrt], FakeOrt]:
    def use(fake: FakeOrt) -> FakeOrt:
        monkeypatch.setattr(module, "require", lambda *_args, **_options: fake)
        return fake

    return use


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08")
    return path


CPU, CUDA, OPENVINO = (
    "CPUExecutionProvider",
    "CUDAExecutionProvider",
    "OpenVINOExecutionProvider",
)


class TestProviders:
    def test_an_unknown_name_gets_a_suggestion(self, model: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            open_session(model, provider="cdua", threads=0)
        assert caught.value.exit_code == 2
        assert caught.value.problems == (
            "unknown provider 'cdua': did you mean 'cuda'?",
            "threads: must be at least 1, not 0",
        )

    def test_one_that_this_onnxruntime_lacks(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([CPU, OPENVINO]))
        with pytest.raises(
            ProviderError, match=r"no provider 'cuda'; it has cpu, openvino"
        ) as caught:
            open_session(model, provider="cuda")
        assert caught.value.hint is not None
        assert "gpu" in caught.value.hint

    def test_one_that_silently_does_not_load_says_why(
        self, model: Path, use_ort: Any, tmp_path: Path
    ) -> None:
        fake = use_ort(FakeOrt([CUDA, CPU], broken=[CUDA]))
        capi = tmp_path / "ort" / "capi"
        capi.mkdir(parents=True)
        (capi / "libonnxruntime_providers_cuda.so").write_bytes(b"not a library")
        fake.__file__ = str(capi.parent / "__init__.py")
        with pytest.raises(ProviderError, match=r"cannot load its provider 'cuda'.*providers_cuda"):
            open_session(model, provider="cuda")

    def test_one_that_finds_no_device(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([CUDA, CPU], broken=[CUDA]))
        with pytest.raises(ProviderError, match="'cuda': it finds no device"):
            open_session(model, provider="cuda")

    def test_one_that_raises_is_told_from_a_broken_model(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([CUDA, CPU], raising=[CUDA]))
        with pytest.raises(ProviderError, match=r"'cuda': .*no luck with CUDA\w+$"):
            open_session(model, provider="cuda")
        use_ort(FakeOrt([CUDA, CPU], raising=[CUDA, CPU]))
        with pytest.raises(InferenceError, match="could not be loaded: no luck with CPU") as caught:
            open_session(model, provider="cuda")
        assert not isinstance(caught.value, ProviderError)

    def test_auto_takes_the_best_that_loads_and_keeps_why(self, model: Path, use_ort: Any) -> None:
        fake = use_ort(FakeOrt([CPU, OPENVINO, CUDA], broken=[CUDA]))
        session = open_session(model)
        assert session.provider == "openvino"
        assert fake.asked == [CUDA, OPENVINO]
        assert len(session.skipped) == 1
        assert "'cuda'" in session.skipped[0]

    def test_auto_ends_at_the_cpu(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([CPU]))
        session = open_session(model)
        assert (session.provider, session.skipped) == ("cpu", ())

    @pytest.mark.parametrize(("value", "is_quiet"), [("1", True), ("0", False)])
    def test_telemetry_is_stopped_unless_the_user_wants_it(
        self, model: Path, use_ort: Any, monkeypatch: pytest.MonkeyPatch, value: str, is_quiet: bool
    ) -> None:
        monkeypatch.setenv("ORT_DISABLE_TELEMETRY", value)
        fake = use_ort(FakeOrt([CPU]))
        open_session(model)
        assert fake.is_quiet == is_quiet

    def test_auto_never_takes_tensorrt(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt(["TensorrtExecutionProvider", CPU]))
        assert open_session(model).provider == "cpu"

    def test_threads_default_to_the_usable_cores(
        self, model: Path, use_ort: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_ort(FakeOrt([CPU]))
        monkeypatch.setattr(module, "usable_cores", lambda: 5)
        assert open_session(model).threads == 5
        assert open_session(model, threads=2).threads == 2


class TestFiles:
    def test_a_missing_file_gets_a_suggestion(self, tmp_path: Path) -> None:
        (tmp_path / "best.onnx").touch()
        with pytest.raises(InferenceError, match=r"there is no model .*bset\.onnx") as caught:
            open_session(tmp_path / "bset.onnx")
        assert caught.value.hint == f"did you mean {tmp_path / 'best.onnx'}?"
        assert caught.value.exit_code == 6

    def test_a_missing_file_in_a_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InferenceError, match="there is no model"):
            open_session(tmp_path / "none" / "m.onnx")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InferenceError, match="is a folder, not a file"):
            open_session(tmp_path)

    @pytest.mark.skipif(os.name == "nt", reason="links need rights there")
    def test_a_link_that_leads_nowhere_is_not_suggested_again(self, tmp_path: Path) -> None:
        (tmp_path / "best.onnx").symlink_to("moved.onnx")
        with pytest.raises(InferenceError, match="is a broken link") as caught:
            open_session(tmp_path / "best.onnx")
        assert "did you mean" not in str(caught.value.hint)

    @pytest.mark.parametrize("name", ["best.pt", "best.onnx"])
    def test_a_pointer_is_named_whatever_it_is_called(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\n")
        with pytest.raises(InferenceError, match="is a git-LFS pointer") as caught:
            open_session(tmp_path / name)
        assert caught.value.hint == "fetch it with `git lfs pull`"

    @pytest.mark.parametrize("name", ["best.pt", "BEST.PT"])
    def test_weights_are_exported_first(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).touch()
        with pytest.raises(InferenceError, match="not an ONNX model") as caught:
            open_session(tmp_path / name)
        assert caught.value.hint == f"make one with `yolokit export {tmp_path / name}`"

    @pytest.mark.parametrize("content", [b"\x08" * 500, b"\x01\x02\x03"])
    def test_what_is_no_onnx_file(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "m.onnx"
        path.write_bytes(content)
        with pytest.raises(InferenceError, match=r"m\.onnx could not be loaded") as caught:
            open_session(path)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("content", "what", "hint"),
        [
            (b"", "it is empty", "fetch it again"),
            (b"version https://git-lfs.github.com/spec/v1\n", "a git-LFS pointer", "git lfs pull"),
            (b"<!DOCTYPE html><html>Sign in</html>", "a web page", "fetch the file again"),
            (b"Not Found", "a text that begins with 'Not Found'", None),
            (b"\x1c\x00\x00\x00TFL3" + bytes(20), "a TensorFlow Lite model", "yolokit export"),
            (b'\x80\x02\x00\x00{"description": 1}ptrt', "a TensorRT engine", "yolokit export"),
            (b'<?xml version="1.0"?><net name="a">', "an OpenVINO model's XML", "yolokit export"),
            (b"\x10\x00\x00\x00\x00\x00\x00\x00{}", "a safetensors file", "yolokit export"),
        ],
    )
    def test_another_file_is_named(
        self, tmp_path: Path, content: bytes, what: str, hint: str | None
    ) -> None:
        path = tmp_path / "m.onnx"
        path.write_bytes(content)
        with pytest.raises(InferenceError, match=f"is not an ONNX model: .*{what}") as caught:
            open_session(path)
        assert (hint or "") in str(caught.value.hint)

    @pytest.mark.parametrize(
        ("also", "what"), [((), "a PyTorch checkpoint"), (("constants.pkl",), "TorchScript")]
    )
    def test_what_torch_saves_is_named(
        self, tmp_path: Path, also: tuple[str, ...], what: str
    ) -> None:
        with zipfile.ZipFile(tmp_path / "m.onnx", "w") as archive:
            for name in ("data.pkl", *also):
                archive.writestr(f"archive/{name}", b"")
        with pytest.raises(InferenceError, match=what) as caught:
            open_session(tmp_path / "m.onnx")
        assert "yolokit export" in str(caught.value.hint)

    def test_a_truncated_model(self, make_model: Any) -> None:
        path: Path = make_model()
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(InferenceError, match="could not be loaded"):
            open_session(path)

    def test_without_onnxruntime(self, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(MissingDependencyError, match="Running a model needs onnxruntime"):
            open_session(model)


class TestRun:
    def test_a_real_session_on_the_cpu(self, make_model: Any) -> None:
        session = open_session(make_model(), provider="cpu", threads=1)
        assert (session.provider, session.threads) == ("cpu", 1)
        assert session.inputs[0].shape == (1, 3, 64, 64)
        outputs = session.run({"images": np.zeros((1, 3, 64, 64), np.float32)}, ["output0"])
        assert {name: output.shape for name, output in outputs.items()} == {"output0": (1, 6, 2)}

    def test_what_onnxruntime_raises_becomes_ours(self, make_model: Any) -> None:
        session = open_session(make_model(), threads=1)
        with pytest.raises(InferenceError, match=r"failed on an input of shape \(1, 3, 32, 32\)"):
            session.run({"images": np.zeros((1, 3, 32, 32), np.float32)}, ["output0"])

    def test_half_precision_goes_in_and_comes_out(self, make_model: Any) -> None:
        session = open_session(make_model(half=True), threads=1)
        outputs = session.run({"images": np.zeros((1, 3, 64, 64), np.float32)}, ["output0"])
        assert outputs["output0"].dtype == np.float32

    def test_nothing_is_printed(self, make_model: Any, capfd: pytest.CaptureFixture[str]) -> None:
        open_session(make_model(), threads=1)
        assert capfd.readouterr() == ("", "")
