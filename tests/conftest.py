"""What several tests share: the commands, real data where it is at hand, and what is left out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# A time is never a reason to fail: machines differ, and other work runs beside the tests.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Tests keep no compiled models between each other, nor in the home folder of whoever runs them.
os.environ["YOLOKIT_NO_CACHE"] = "1"

# A shell starts what it puts in the background with interrupts ignored, and all that descends from
# it inherits that; tests send interrupts, so here they have their usual meaning again.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
START = ROOT / "yolokit" / "jobs" / "assets" / "parts-n.pt"


def run_yolokit(
    *arguments: object, cwd: Path, code: int = 0, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, and expect its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "yolokit", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=timeout,
    )  # fmt: skip
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture
def own_numbers() -> list[str]:
    """The words that start a command as process 1, as in a container."""
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    try:
        subprocess.run([*words, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"process numbers of one's own are not permitted here: {error}")
    return words


def find_process_1(words: subprocess.Popen[str]) -> int:
    """Return the number that process 1 of such a command has outside."""
    children = Path(f"/proc/{words.pid}/task/{words.pid}/children")
    return int(children.read_text("ascii").split()[0])


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data; tests that need it are skipped where there is none."""
    folder = Path(os.environ.get("YOLOKIT_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"there is no test data in {folder}; YOLOKIT_TEST_DATA says where it is")
    return folder


@pytest.fixture(scope="session")
def bccd(test_data: Path) -> Path:
    """BCCD, real blood cells in Pascal VOC, as its authors publish it."""
    return test_data / "bccd"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what the default command leaves out, and how to run it."""
    left_out = terminalreporter.stats.get("deselected", [])
    slow = sum(item.get_closest_marker("slow") is not None for item in left_out)
    if slow and config.option.markexpr == "not slow":
        terminalreporter.section("left out")
        terminalreporter.write_line(
            f"{slow} slow tests, which train at length: `uv run pytest -m slow` runs them"
        )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the tests that use torch in their own process to a run that names them.

    Where OpenVINO runs in that process too, the next start of another one is a segmentation fault.
    yolokit itself never has both in one.
    """
    is_named = any("tests/unit/engine" in word for word in config.invocation_params.args)
    is_theirs = "tests/unit/engine/" in f"{collection_path.as_posix()}/"
    return True if is_theirs and not is_named else None
