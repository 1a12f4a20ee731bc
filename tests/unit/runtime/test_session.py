"""The session: providers that do not load, files that are not models, errors that are ours."""

from __future__ import annotations

import os
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from yolokit.errors import ConfigError, InferenceError, MissingDependencyError, ProviderError
from yolokit.runtime import session as module
from yolokit.runtime.ports import Port
from yolokit.runtime.providers.toolkit import built_in, native_openvino
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
        self.asked: list[tuple[str, dict[str, str]]] = []

    def get_available_providers(self) -> list[str]:
        return self._available

    def InferenceSession(self, path: str, *, providers: Any, **options: Any) -> Any:  # noqa: N802
        assert options["enable_fallback"] == 0
        chain = [name for name, _ in providers]
        self.asked.append(providers[0])
        if chain[0] in self._raising:
            raise RuntimeError(f"no luck with {chain[0]}\nmore of it")
        loaded = [name for name in chain if name not in self._broken]
        return SimpleNamespace(get_providers=lambda: loaded, get_inputs=list, get_outputs=list)


@pytest.fixture
def use_ort(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeOrt], FakeOrt]:
    """Have an onnxruntime of our choice, and no OpenVINO."""
    monkeypatch.setattr(native_openvino, "version", lambda: None)

    def use(fake: FakeOrt) -> FakeOrt:
        monkeypatch.setattr(built_in, "find_ort", lambda: fake)
        return fake

    return use


@pytest.fixture
def model(make_model: Any) -> Path:
    path: Path = make_model()
    return path


CPU, CUDA, DIRECTML, TENSORRT = (
    f"{name}ExecutionProvider" for name in ("CPU", "CUDA", "Dml", "Tensorrt")
)


class TestProviders:
    def test_an_unknown_name_gets_a_suggestion(self, model: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            open_session(model, provider="cdua", threads=0, precision="fp61")
        assert caught.value.exit_code == 2
        assert caught.value.problems == (
            "unknown provider 'cdua': did you mean 'cuda'?",
            "unknown precision 'fp61': did you mean 'fp16'?",
            "threads: must be at least 1, not 0",
        )

    def test_one_that_is_not_installed(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([CPU, DIRECTML]))
        with pytest.raises(
            ProviderError, match=r"'cuda' is not installed; the installed ones are: directml, cpu"
        ) as caught:
            open_session(model, provider="cuda")
        assert "gpu" in str(caught.value.hint)

    def test_one_that_silently_does_not_load_says_why(
        self, model: Path, use_ort: Any, tmp_path: Path
    ) -> None:
        fake = use_ort(FakeOrt([CUDA, CPU], broken=[CUDA]))
        capi = tmp_path / "ort" / "capi"
        capi.mkdir(parents=True)
        (capi / "libonnxruntime_providers_cuda.so").write_bytes(b"not a library")
        fake.__file__ = str(capi.parent / "__init__.py")
        with pytest.raises(ProviderError, match=r"provider 'cuda' cannot run .*providers_cuda"):
            open_session(model, provider="cuda")

    def test_one_that_finds_no_device(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([CUDA, CPU], broken=[CUDA]))
        with pytest.raises(ProviderError, match=r"'cuda' cannot run .*: it finds no device"):
            open_session(model, provider="cuda")

    def test_one_that_raises_is_told_from_a_broken_model(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([CUDA, CPU], raising=[CUDA]))
        with pytest.raises(ProviderError, match=r"'cuda' .*no luck with CUDA\w+$"):
            open_session(model, provider="cuda")
        use_ort(FakeOrt([CUDA, CPU], raising=[CUDA, CPU]))
        with pytest.raises(InferenceError, match="could not be loaded: no luck with CPU") as caught:
            open_session(model, provider="cuda")
        assert not isinstance(caught.value, ProviderError)

    def test_auto_takes_the_best_that_loads_and_keeps_why(self, model: Path, use_ort: Any) -> None:
        fake = use_ort(FakeOrt([CPU, DIRECTML, CUDA], broken=[CUDA]))
        session = open_session(model)
        assert session.provider == "directml"
        assert [name for name, _ in fake.asked if name != CPU] == [CUDA, DIRECTML]
        assert len(session.skipped) == 1
        assert "'cuda'" in session.skipped[0]

    def test_auto_ends_at_the_cpu(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([CPU]))
        session = open_session(model)
        assert (session.provider, session.precision, session.skipped) == ("cpu", "fp32", ())

    def test_auto_never_takes_tensorrt(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([TENSORRT, CPU]))
        assert open_session(model).provider == "cpu"

    def test_a_model_that_is_broken_for_all_is_told_at_once(
        self, model: Path, use_ort: Any
    ) -> None:
        use_ort(FakeOrt([CPU, CUDA, DIRECTML], raising=[CPU, CUDA, DIRECTML]))
        with pytest.raises(InferenceError, match="could not be loaded: no luck with CPU"):
            open_session(model)

    def test_threads_default_to_the_usable_cores(
        self, model: Path, use_ort: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_ort(FakeOrt([CPU]))
        monkeypatch.setattr(module, "usable_cores", lambda: 5)
        assert open_session(model).threads == 5
        assert open_session(model, threads=2).threads == 2


class TestPrecision:
    def test_it_reaches_the_provider(self, model: Path, use_ort: Any) -> None:
        fake = use_ort(FakeOrt([TENSORRT, CPU]))
        assert open_session(model, provider="tensorrt", precision="fp16").precision == "fp16"
        assert open_session(model, provider="tensorrt").precision == "fp32"
        (_, half), (_, full) = fake.asked
        assert half["trt_fp16_enable"] == "1"
        assert "trt_fp16_enable" not in full

    def test_fp32_on_a_gpu_of_nvidia_is_not_tf32(self, model: Path, use_ort: Any) -> None:
        fake = use_ort(FakeOrt([CUDA, CPU]))
        open_session(model, provider="cuda")
        assert fake.asked[0][1]["use_tf32"] == "0"

    def test_a_provider_without_it_names_who_has_it(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([CPU, TENSORRT]))
        with pytest.raises(
            ProviderError, match="'cpu' does not compute in bf16; here tensorrt does"
        ) as caught:
            open_session(model, provider="cpu", precision="bf16")
        assert caught.value.hint == "use --provider tensorrt, or --precision fp32"

    def test_where_nobody_has_it(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([CPU, CUDA]))
        with pytest.raises(
            ProviderError, match=r"no provider .* computes in bf16: cuda has fp32; cpu has fp32"
        ):
            open_session(model, precision="bf16")

    def test_auto_takes_the_best_that_has_it_and_says_so(self, model: Path, use_ort: Any) -> None:
        use_ort(FakeOrt([CPU, CUDA, "MIGraphXExecutionProvider"]))
        session = open_session(model, precision="bf16")
        assert (session.provider, session.precision) == ("migraphx", "bf16")
        assert "'cuda' does not compute in bf16" in session.skipped[0]

    def test_one_that_has_it_and_fails_is_what_is_told(self, model: Path, use_ort: Any) -> None:
        migraphx = "MIGraphXExecutionProvider"
        use_ort(FakeOrt([CPU, CUDA, migraphx], raising=[migraphx]))
        with pytest.raises(ProviderError, match="no luck with MIGraphX"):
            open_session(model, precision="bf16")


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

    @pytest.mark.parametrize("content", [b"\x08" * 500, b"\x01\x02\x03", b"\x08\x09"])
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

    def test_without_anything_that_runs_it(
        self, model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        monkeypatch.setattr(native_openvino, "version", lambda: None)
        with pytest.raises(MissingDependencyError, match="Running a model needs onnxruntime"):
            open_session(model)


@pytest.fixture(params=["cpu", "openvino"])
def provider(request: pytest.FixtureRequest) -> str:
    """What every test environment has."""
    return str(request.param)


class TestRun:
    def test_a_real_session(self, make_model: Any, provider: str) -> None:
        session = open_session(make_model(), provider=provider, threads=1)
        assert (session.provider, session.threads) == (provider, 1)
        assert session.inputs == (Port("images", (1, 3, 64, 64), "tensor(float)"),)
        outputs = session.run({"images": np.zeros((1, 3, 64, 64), np.float32)}, ["output0"])
        assert {name: output.shape for name, output in outputs.items()} == {"output0": (1, 6, 2)}

    def test_what_is_raised_becomes_ours(self, make_model: Any, provider: str) -> None:
        session = open_session(make_model(), threads=1, provider=provider)
        with pytest.raises(
            InferenceError, match=r"failed on an input of shape \(1, 3, 32, 32\): .*input"
        ) as caught:
            session.run({"images": np.zeros((1, 3, 32, 32), np.float32)}, ["output0"])
        assert "Exception from" not in str(caught.value)

    def test_half_precision_goes_in_and_comes_out(self, make_model: Any, provider: str) -> None:
        session = open_session(make_model(half=True), threads=1, provider=provider)
        assert session.inputs[0].type == "tensor(float16)"
        outputs = session.run({"images": np.zeros((1, 3, 64, 64), np.float32)}, ["output0"])
        assert outputs["output0"].dtype == np.float32

    def test_the_next_run_leaves_earlier_outputs_alone(
        self, make_model: Any, provider: str
    ) -> None:
        session = open_session(make_model(bright_scores=True), threads=1, provider=provider)
        images = [np.full((1, 3, 64, 64), level, np.float32) for level in (1, 0)]
        white, _ = (session.run({"images": image}, ["output0"])["output0"] for image in images)
        assert white[0, 4:].max() == pytest.approx(0.9)

    def test_dynamic_axes_are_none(self, make_model: Any, provider: str) -> None:
        path = make_model(input_shape=("batch", 3, "h", "w"), output_shape=("batch", 6, 2))
        session = open_session(path, threads=1, provider=provider)
        assert session.inputs[0].shape == (None, 3, None, None)

    def test_several_threads_at_once(self, make_model: Any, provider: str) -> None:
        session = open_session(make_model(bright_scores=True), threads=1, provider=provider)

        def score(level: float) -> float:
            image = np.full((1, 3, 64, 64), level, np.float32)
            return float(session.run({"images": image}, ["output0"])["output0"][0, 4:].max())

        levels = [step / 40 for step in range(40)]
        with ThreadPoolExecutor(4) as pool:
            scores = list(pool.map(score, levels))
        assert scores == pytest.approx([0.9 * level for level in levels], abs=1e-3)

    def test_nothing_is_printed(
        self, make_model: Any, provider: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        open_session(make_model(), threads=1, provider=provider)
        assert capfd.readouterr() == ("", "")
