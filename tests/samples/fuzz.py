"""One case of fuzzing ``data convert``: a broken data set, converted, and all promises checked."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import traceback
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from tests.samples.formats import Files, list_samples, picture, put_files
from tests.samples.mutate import NAMES, mutate
from yolokit.convert.config import ConvertConfig
from yolokit.convert.job import convert
from yolokit.datasets.check import check_dataset
from yolokit.datasets.checks import allowable_codes
from yolokit.errors import YolokitError
from yolokit.formats.toolkit.plugin import can_write, list_formats, load_format, writable_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

HANG_S = 10
_OUTCOMES = ("kept", "clipped", "reinterpreted", "dropped", "excluded")
_SECRET = picture(".webp")


@dataclass
class Outcome:
    """How a case ended: ``converted``, ``refused`` or ``find``, and with which error."""

    format: str
    kind: str
    error: str = ""
    detail: str = ""
    options: dict[str, Any] = field(default_factory=dict)


class _HangError(BaseException):
    """A case took too long; no handler of the code under test catches this."""


def run_case(seed: int, number: int) -> Outcome:
    """Break a sample of a format, convert it, and tell how that ended.

    Args:
        seed: Of the whole run.
        number: Of the case; formats take turns.
    """
    rng = Random(f"{seed}/{number}")
    name = list_formats()[number % len(list_formats())]
    files = _break(rng.choice(list_samples(name)), rng)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        root = Path(place)
        (root / "secret.jpg").write_bytes(_SECRET)
        (root / "sets").mkdir()
        source = _put_source(files, root, rng)
        options = {"source": source, "out": root / "sets" / "out", **_options(name, rng)}
        before = _list_around(root)
        outcome = _convert(name, options)
        if outcome.kind != "find":
            try:
                _check(root, before, outcome)
            except AssertionError as error:
                outcome.kind, outcome.error = "find", f"broken promise: {error}"
        outcome.options = {key: str(value) for key, value in options.items()}
        return outcome


def _break(sample: Files, rng: Random) -> dict[str, bytes]:
    """Break one or two files of a sample, mostly annotations, sometimes their names."""
    files = dict(sample)
    labels = [name for name in files if not name.endswith((".jpg", ".png"))]
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice(labels if rng.random() < 0.9 else sorted(files))
        if name not in files:
            continue
        kind = rng.random()
        if kind < 0.92:
            files[name] = mutate(files[name], rng)
        elif kind < 0.96:
            del files[name]
        else:
            new = rng.choice(NAMES).replace("\x00", "").strip("/.\\") or "x"
            parent, _, _ = name.rpartition("/")
            new = new.split("/")[-1].encode("utf-8", "replace")[:200].decode("utf-8", "ignore")
            files[f"{parent}/{new}".lstrip("/")] = files.pop(name)
    return files


def _put_source(files: Files, root: Path, rng: Random) -> Path:
    """Write the source: a folder, or an archive of it."""
    if rng.random() > 0.1:
        return put_files(files, root / "src")
    with zipfile.ZipFile(root / "src.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    if rng.random() < 0.5:
        (root / "src.zip").write_bytes(mutate((root / "src.zip").read_bytes(), rng))
    return root / "src.zip"


def _options(name: str, rng: Random) -> dict[str, Any]:
    """Draw options that go together."""
    task = (
        rng.choice(writable_tasks("yolo"))
        if rng.random() < 0.3
        else rng.choice(load_format(name).READS)
    )
    targets = [one for one in list_formats() if can_write(one) and task in writable_tasks(one)]
    target = rng.choice(targets) if rng.random() < 0.4 else "yolo"
    if target not in targets:
        target = targets[0]
    options: dict[str, Any] = {
        "task": task,
        "to_format": target,
        "max_drop": "100%" if rng.random() < 0.9 else "0.5%",
        "from_format": name if rng.random() < 0.7 else "auto",
        "labels_only": rng.random() < 0.25,
        "boxes_as_outlines": task in ("segment", "obb") and rng.random() < 0.5,
        "split": rng.choice(("auto", "auto", "auto", "keep", "0.5,0.5")),
    }
    if options["from_format"] == name:
        assumptions = load_format(name).ASSUME
        options["assume"] = tuple(
            f"{key}={rng.choice(values)}"
            for key, values in assumptions.items()
            if rng.random() < 0.3
        )
    if not options["labels_only"] and rng.random() < 0.05:
        options["tile"] = 32
    return options


def _convert(name: str, options: dict[str, Any]) -> Outcome:
    try:
        with _watchdog():
            convert(ConvertConfig.build(options))
    except YolokitError as error:
        if not str(error).strip():
            return Outcome(name, "find", "an error without words")
        return Outcome(name, "refused", type(error).__name__, str(error)[:300])
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever else there is, is what is looked for
        where = traceback.extract_tb(error.__traceback__)
        inner = next((frame for frame in reversed(where) if "yolokit" in frame.filename), where[-1])
        place = f"{Path(inner.filename).name}:{inner.lineno}"
        kind = f"{type(error).__name__} in {place}"
        return Outcome(name, "find", kind, "".join(traceback.format_exception(error)))
    return Outcome(name, "converted")


@contextmanager
def _watchdog() -> Iterator[None]:
    """Stop what takes too long, where the system has a clock that can."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(_number: int, _frame: object) -> None:
        raise _HangError

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, HANG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def _list_around(root: Path) -> dict[str, tuple[int, int]]:
    """List everything but the output, with sizes and times of change."""
    found = {}
    for where, _, names in os.walk(root):
        for name in names:
            path = os.path.join(where, name)  # noqa: PTH118 - names that are not UTF-8
            if not path.startswith(f"{root}/sets/out/"):
                state = os.lstat(path)
                found[path] = (state.st_size, state.st_mtime_ns)
    return found


def _check(root: Path, before: dict[str, tuple[int, int]], outcome: Outcome) -> None:
    """Check what holds however a conversion ends."""
    assert _list_around(root) == before, "a file outside of the output has changed"
    out = root / "sets" / "out"
    expected = ["out"] if outcome.kind == "converted" else []
    assert os.listdir(root / "sets") == expected, f"the folder holds {os.listdir(root / 'sets')}"
    if outcome.kind != "converted":
        return
    for path in out.rglob("*"):
        assert not path.is_symlink(), f"{path} is a link"
        assert not path.is_file() or path.read_bytes() != _SECRET, (
            f"{path.name} is from outside of the source"
        )
    head, *lines = (out / "ledger.jsonl").read_bytes().splitlines()
    totals = json.loads(head)["totals"]
    assert sum(totals[key] for key in _OUTCOMES) == totals["annotations_in"], "the ledger"
    actions = [json.loads(line)["action"] for line in lines]
    for key in _OUTCOMES[1:]:
        assert actions.count(key) == totals[key], f"entries of the ledger: {key}"
    if (out / "data.yaml").is_file() and any((out / "images").rglob("*.*")):
        try:
            check_dataset(out / "data.yaml", allow=allowable_codes())
        except YolokitError as error:
            raise AssertionError(f"what was written does not check: {error}") from error
