"""Kills ``train`` at random moments, and resumes until it ends: the weights are always the same.

    uv run python tests/bench/kill_train.py --times 50 --seed 0

Each trial trains four epochs, goes on to six, and is killed again and again on the way: the
command, the engine, or both; after a random time, or at a random one of the files that it makes,
renames or removes in the folder of the run. What it ends with is compared with a run that nobody
disturbed: weights, averages and optimizer bit for bit, ``best.pt`` and ``last.pt``, the curves, and
the names of all files. No kill may cost more than the epoch in progress. Exits with 1 if a promise
is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np

_EPOCHS, _MORE = 4, 6
_OPTIONS = ("--arch", "yolo11n", "--imgsz", "64", "--batch", "4", "--device", "cpu")
_CONFIG = "{optimizer: AdamW, lr0: 0.002, warmup_epochs: 1.5, close_mosaic: 2}\n"
_WHERE = {"command": "yolokit", "engine": "yolokit.engine.train"}  # as ``python -m`` has it
# Python runs this at every start: the process is killed at its n-th change of the run's folder.
_AT_A_FILE = """
import os, signal, sys
module, count = os.environ["KILL_AT"].split()
left = int(count)

def watch(event, args):
    global left
    if event == "open":
        changes = isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
    else:
        changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile")
    if not changes or f"{os.sep}runs{os.sep}" not in os.path.abspath(str(args[0])):
        return
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

if module in sys.orig_argv:
    sys.addaudithook(watch)
"""


class Trials:
    """Runs on one drawn set of pictures, and the run that nobody disturbed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._rng = folder, Random(seed)
        self._draw()
        (folder / "hook").mkdir()
        (folder / "hook" / "sitecustomize.py").write_text(_AT_A_FILE)
        begin_s = time.perf_counter()
        self.seen: Counter[str] = Counter()
        self._finish("whole", kills=0)
        self.wall_s = (time.perf_counter() - begin_s) / 2  # of one command
        self._whole = self._describe("whole")

    def run_once(self, number: int) -> None:
        """Train under kills, and compare what it ends with."""
        name = f"trial{number}"
        kills = self._rng.randint(2, 4)
        self._finish(name, kills)
        found = self._describe(name)
        differing = [what for what, value in found.items() if value != self._whole[what]]
        self.seen[f"broken: other {', '.join(differing)}" if differing else "equal in the end"] += 1

    def _finish(self, name: str, kills: int) -> None:
        """Start and resume a run until it has all its epochs."""
        while (command := self._choose_command(name)) is not None:
            before = self._count_epochs(name)
            if kills:
                kills -= 1
                self._run_killed(command)
            else:
                self._run(command)
            if self._count_epochs(name) < before:
                self.seen["broken: a whole epoch was lost"] += 1

    def _choose_command(self, name: str) -> list[str] | None:
        run = self._folder / "runs" / "train" / name
        record = self._read(name)
        resume = ["--resume", "--name", name]
        if record.get("state") == "complete":
            done = record["config"]["epochs"] == _MORE
            return None if done else [*resume, "--epochs", str(_MORE)]
        if (run / "last.pt").is_file():
            return resume
        new = ["--data", "data.yaml", "--config", "c.yaml", "--epochs", str(_EPOCHS)]
        return [*new, "--name", name, *_OPTIONS]

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            self._line(command), cwd=self._folder, env=self._environment(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            self.seen["broken: it does not go on"] += 1
            raise RuntimeError(done.stderr[-3000:])

    def _run_killed(self, command: list[str]) -> None:
        """Run a command, which is killed in one of five ways, or ends before."""
        where = self._rng.choice(["command", "engine", "both"])
        environment = self._environment()
        if where != "both" and self._rng.random() < 0.6:
            count = self._rng.randint(1, 60)
            environment |= {
                "KILL_AT": f"{_WHERE[where]} {count}",
                "PYTHONPATH": str(self._folder / "hook"),
            }
            done = subprocess.run(
                self._line(command), cwd=self._folder, env=environment,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            killed = done.returncode == -signal.SIGKILL or "signal 9" in done.stderr
            self.seen[f"{where} killed at a file" if killed else "ended before the kill"] += 1
        else:
            self._kill_after_a_time(command, where, environment)
        self._wait_for_orphans()

    def _kill_after_a_time(
        self, command: list[str], where: str, environment: dict[str, str]
    ) -> None:
        process = subprocess.Popen(
            self._line(command), cwd=self._folder, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        # Most of the time is torch's start, in which nothing is written.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self._rng.uniform(0.4, 1.05) * self.wall_s)
        if process.poll() is not None:
            self.seen["ended before the kill"] += 1
            return
        engines = _list_children(process.pid)
        for pid in [process.pid] * (where != "engine") + engines * (where != "command"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        self.seen[f"{where} killed after a time"] += 1

    def _wait_for_orphans(self) -> None:
        """Wait until no engine is left whose command was killed."""
        while any(str(self._folder) == _read_cwd(pid) for pid in os.listdir("/proc")):
            time.sleep(0.05)

    def _read(self, name: str) -> dict[str, Any]:
        path = self._folder / "runs" / "train" / name / "run.json"
        record: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
        return record

    def _count_epochs(self, name: str) -> int:
        return len(self._read(name).get("epochs", ()))

    def _describe(self, name: str) -> dict[str, object]:
        """Return all that must not depend on kills."""
        run = self._folder / "runs" / "train" / name
        epochs = [(epoch["epoch"], epoch["metrics"]) for epoch in self._read(name)["epochs"]]
        checkpoints = {path.name: _read_tensors(path) for path in sorted(run.glob("*.pt"))}
        names = sorted(str(path.relative_to(run)) for path in run.rglob("*"))
        return {"curves": epochs, "names of files": names, **checkpoints}

    def _environment(self) -> dict[str, str]:
        return os.environ | {"OMP_NUM_THREADS": "1"}

    def _line(self, command: list[str]) -> list[str]:
        return [sys.executable, "-m", "yolokit", "train", *command]

    def _draw(self) -> None:
        rng = np.random.default_rng(0)
        for split, count in (("train", 8), ("val", 4)):
            for kind in ("images", "labels"):
                (self._folder / kind / split).mkdir(parents=True)
            for at in range(count):
                picture = rng.integers(0, 90, (64, 64, 3), dtype=np.uint8)
                picture[20:44, 20:44] = 255
                cv2.imwrite(str(self._folder / f"images/{split}/{at}.png"), picture)
                label = self._folder / f"labels/{split}/{at}.txt"
                label.write_text("0 0.5 0.5 0.375 0.375\n")
        text = "train: images/train\nval: images/val\nnames: [square]\n"
        (self._folder / "data.yaml").write_text(text)
        (self._folder / "c.yaml").write_text(_CONFIG)


def _read_tensors(path: Path) -> list[bytes]:
    """Return the bytes of the tensors of a checkpoint, which is a zip file."""
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist() if "/data/" in name]


def _list_children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def _read_cwd(pid: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:  # it has ended, is no process, or another's
        return ""


def main() -> None:
    """Run the trials and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        trials = Trials(Path(place).resolve(), options.seed)
        for number in range(options.times):
            trials.run_once(number)
            print(f"trial {number + 1}: {dict(trials.seen)}", file=sys.stderr)
    if options.json:
        report = {"benchmark": "kill-train", "wall_s": round(trials.wall_s, 1), "seen": trials.seen}
        print(json.dumps(report))
    else:
        print(f"an undisturbed command: {trials.wall_s:.1f} s")
        for what, count in trials.seen.most_common():
            print(f"{count:5}  {what}")
    sys.exit(1 if any(what.startswith("broken") for what in trials.seen) else 0)


if __name__ == "__main__":
    main()
