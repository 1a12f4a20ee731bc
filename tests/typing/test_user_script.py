"""What a type checker and an editor know of the Python API."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import yolokit

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("user_script.py")
MARK = re.compile(r"  # type: ignore\[([\w-]+)\]")
FOUND = re.compile(r":(\d+): error: .*\[([\w-]+)\]$", re.MULTILINE)


def test_mypy_finds_every_marked_mistake_and_no_other(tmp_path: Path) -> None:
    text = SCRIPT.read_text("utf-8")
    marked = {
        (number, found[1])
        for number, line in enumerate(text.splitlines(), 1)
        if (found := MARK.search(line))
    }
    script = tmp_path / "script.py"
    script.write_text(MARK.sub("", text), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(script)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert {(int(line), code) for line, code in FOUND.findall(done.stdout)} == marked, done.stdout
    assert len(marked) > 10


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(yolokit.__file__).parent / "py.typed").is_file()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel == {"packages": ["yolokit"]}, "all files of the package are in the wheel"


@pytest.mark.parametrize(
    ("name", "first", "some"),
    [
        ("pull_weights", ["name"], {"offline", "require_hash"}),
        ("get_dataset", ["name", "out"], {"task", "keep_archive"}),
        ("convert_dataset", ["source", "out"], {"from_format", "allow"}),
        ("fix_dataset", ["source", "out"], {"task", "max_drop"}),
        ("train_model", ["data"], {"out", "epochs", "flipud"}),
        ("export_model", ["weights"], {"opset", "precision"}),
        ("validate_model", ["model", "data"], {"split", "threads"}),
        ("predict_files", ["model", "sources"], {"save", "provider"}),
    ],
)
def test_a_running_editor_sees_all_options(name: str, first: list[str], some: set[str]) -> None:
    function = getattr(yolokit, name)
    parameters = inspect.signature(function).parameters
    by_place = [one.name for one in parameters.values() if one.kind is not one.KEYWORD_ONLY]
    assert by_place == first
    assert parameters.keys() >= some | {"on_event"}
    assert function.__name__ == name
    documented = set(re.findall(r"^    (\w+): [A-Z]", function.__doc__ or "", re.MULTILINE))
    assert documented
    assert documented <= parameters.keys()
