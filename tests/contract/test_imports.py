"""What imports what: lazy, and torch-free where that is promised."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "yolokit"
HEAVY = ("numpy", "cv2", "av", "onnxruntime", "torch", "ultralytics", "onnx", "rich", "yaml")
LIGHT = "msgspec"  # some 30 ms, for a job's config; the list of the commands goes without


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_after(code: str) -> set[str]:
    return set(run(f"import sys\n{code}\nprint(*{{m.split('.')[0] for m in sys.modules}})").split())


def test_importing_yolokit_loads_nothing() -> None:
    assert not loaded_after("import yolokit") & {*HEAVY, LIGHT, "typer", "pathlib", "dataclasses"}


JOBS = (
    "predict", "train", "tune", "export", "optimize", "val", "data convert", "data get", "data show",
    "weights pull",
)  # fmt: skip


@pytest.mark.parametrize("command", [*JOBS, "", "data", "doctor", "weights", "data demo"])
def test_help_loads_nothing_heavy(command: str) -> None:
    code = f"""
from yolokit.cli.main import main
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main([*{command!r}.split(), "--help"])
"""
    loaded = loaded_after(code)
    assert not loaded & set(HEAVY)
    assert command in JOBS or LIGHT not in loaded


def test_the_functions_of_the_jobs_load_no_job() -> None:
    assert not loaded_after("import yolokit\nyolokit.train_model, yolokit.predict_files") & set(
        HEAVY
    )


BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "ultralytics", "onnx", "matplotlib"):
            raise ModuleNotFoundError(f"blocked: {name}", name=name)
sys.meta_path.insert(0, Block())
"""


PACKAGES = [
    found.name
    for found in pkgutil.iter_modules([str(PACKAGE)])
    if found.ispkg and found.name != "engine"
]


def test_the_packages_are_found() -> None:
    assert {"cli", "core", "formats", "runtime"} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_imports_without_torch(package: str) -> None:
    code = f"""{BLOCK}
import importlib, pkgutil
import yolokit.{package} as package
modules = [m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
assert modules
for module in modules:
    importlib.import_module(module)
"""
    run(code)


def test_the_public_names_are_there() -> None:
    out = run(
        "import yolokit\n"
        "for name in yolokit.__all__: getattr(yolokit, name)\n"
        "print(set(yolokit.__all__) <= set(dir(yolokit)), callable(yolokit.load))"
    )
    assert out.split() == ["True", "True"]


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    import yolokit

    with pytest.raises(AttributeError, match="nothing"):
        _ = yolokit.nothing


def test_the_public_functions_are_no_subpackages() -> None:
    """``yolokit.train`` is a package; a function of that name would vanish once it is imported."""
    import yolokit

    assert "train_model" in yolokit.__all__
    for name in yolokit.__all__:
        assert not (Path(yolokit.__file__).parent / name).exists()
