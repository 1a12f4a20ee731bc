"""What the project promises of itself: versions, notices, no address of a package index."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=;! ]", item, maxsplit=1)[0].lower() for item in requirements}


def test_every_direct_dependency_is_pinned_and_justified() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    optional = [item for extra in extras.values() for item in extra]
    direct = names(PROJECT["project"]["dependencies"] + optional)
    pins = PROJECT["tool"]["uv"]["constraint-dependencies"]
    assert all("==" in pin for pin in pins)
    assert direct <= names(pins)
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8").lower()
    for package in direct:
        family = package.removesuffix("-gpu").removesuffix("-openvino")
        assert family in contributing, f"{package} is not justified"


def test_the_readme_is_short_and_has_both_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) < 150
    assert "pip install uv && uv run yolokit quickstart" in readme
    assert "pip install uv && uv run pytest" in readme
    assert "(uv run pytest)" not in readme
    run = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "pip install uv && uv run pytest" in run


def test_contributing_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = re.findall(r"`((?:yolokit/|tests/)?[a-z_0-9]+(?:/[a-z_0-9]+)*(?:\.py|/))`", text)
    assert len(named) > 50
    found = {name for name in named if (ROOT / name).exists() or (ROOT / "yolokit" / name).exists()}
    assert sorted(set(named) - found) == []


def test_what_the_default_command_leaves_out_is_run_before_a_change_lands() -> None:
    options = PROJECT["tool"]["pytest"]["ini_options"]["addopts"]
    assert [word for word in options if word.startswith("-m")] == ["-m=not slow"]
    run = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert "uv run pytest -m slow" in run


def test_no_lock_file_is_kept() -> None:
    assert "uv.lock" in (ROOT / ".gitignore").read_text("utf-8")
    for name in ("poetry.lock", "pylock.toml", "package-lock.json"):
        assert not (ROOT / name).exists()


def test_the_stores_keep_only_their_readme() -> None:
    for store in ("datasets", "weights"):
        assert (ROOT / store / "README.md").is_file()
        ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
        assert f"/{store}/*" in ignored
        assert f"!/{store}/README.md" in ignored


@pytest.mark.parametrize(
    "extras", [("gpu", "train"), ("gpu",), ("openvino",), ("openvino", "gpu"), ("cpu",)]
)
def test_documented_installs_resolve(extras: tuple[str, ...], tmp_path: Path) -> None:
    """Resolve only: nothing is installed. A GPU or OpenVINO machine is not at hand everywhere."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "yolokit").mkdir()
    shutil.copy(ROOT / "yolokit" / "__init__.py", tmp_path / "yolokit")
    done = subprocess.run(
        [uv, "sync", "--dry-run", "--no-default-groups",
         *(word for extra in extras for word in ("--extra", extra))],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    runtime = {"gpu": "onnxruntime-gpu", "openvino": "openvino", "cpu": "onnxruntime"}
    assert f" {runtime[extras[0]]}==" in done.stderr
