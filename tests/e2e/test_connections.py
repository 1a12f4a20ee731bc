"""Nothing is sent and nothing is left in the home folder, told by the system and not by us.

Each command runs under ``strace``: unlike an audit hook or a patched socket it sees what native
libraries do as well (onnxruntime's telemetry is one), in every process and thread, by every
address, whatever the machine's resolver is; and a network namespace needs rights that containers
seldom have. The home folder is an empty one. Telemetry works with timers, so one session with a
model stays alive for 25 s.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import START

pytestmark = pytest.mark.slow
_STRACE = (
    "strace", "-f", "--seccomp-bpf", "-qq",
    "-e", "trace=connect,sendto,sendmsg,sendmmsg,openat,mkdir,rename",
)  # fmt: skip
_WRITES = re.compile(
    r"(?:openat\(AT_FDCWD, \"([^\"]+)\", [^)]*O_CREAT|(?:mkdir|rename)\(\"([^\"]+)\")"
)
_ADDRESS = re.compile(
    r"sin6?_port=htons\((\d+)\).*?(?:inet_addr\(|inet_pton\(AF_INET6, )\"([^\"]+)\""
)
_RESOLVER = "/run/systemd/resolve"  # asks elsewhere on behalf of whoever connects to it
_DNS_PORT = 53
# Arguments of `python`; the places in braces are filled in.
_COMMANDS = {
    "--help": "-m yolokit --help",
    "weights list": "-m yolokit weights list",
    "doctor": "-m yolokit doctor",
    "data convert": "-m yolokit data convert {data} --out converted",
    "predict": "-m yolokit predict {model} {data}/images --provider cpu",
    "predict, OpenVINO": "-m yolokit predict {model} {data}/images --provider openvino",
    "val": "-m yolokit val {model} --data {data}/data.yaml --provider openvino",
    "export": "-m yolokit export {start} --imgsz 64 --out model.onnx",
    "train": "-m yolokit train --data {data}/data.yaml --weights {start} --out run --epochs 1 "
    "--imgsz 32 --batch 2 --device cpu",
    "train, logged": "-m yolokit train --data {data}/data.yaml --weights {start} --out logged "
    "--epochs 1 --imgsz 32 --batch 2 --device cpu --log tensorboard --log mlflow --log wandb",
    "a session of 25 s": "alive.py {model} 25 cpu",
    "OpenVINO for 25 s": "alive.py {model} 25 openvino",
    # A program may import onnxruntime itself, after yolokit.
    "onnxruntime beside": "alive.py {model} 10 cpu onnxruntime",
}
_ALIVE = """
import importlib, sys, time
import numpy as np
import yolokit

for module in sys.argv[4:]:
    importlib.import_module(module)
detector = yolokit.load(sys.argv[1], provider=sys.argv[3])
end_s = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end_s:
    detector(np.zeros((64, 64, 3), np.uint8))
    time.sleep(1)
"""


@dataclass
class Seen:
    """What the system saw of one command."""

    code: int
    output: str
    connections: list[str]
    home: list[str]
    written: list[Path]


def watch(folder: Path, *command: str) -> Seen:
    """Run a command with an empty home folder and an environment of no other variables."""
    home, temp, trace = (folder / name for name in ("home", "temp", "trace"))
    home.mkdir()
    temp.mkdir()
    # None of the test's own variables: importing yolokit here has set what is to be tried there.
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    places = {"HOME": str(home), "TMPDIR": str(temp), "YOLOKIT_HOME": str(folder / "store")}
    done = subprocess.run(
        [*_STRACE, "-o", str(trace), *command],
        cwd=folder, env=kept | places | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    lines = trace.read_text(errors="replace").splitlines()
    return Seen(
        done.returncode,
        done.stdout + done.stderr,
        [line for line in lines if leaves_machine(line)],
        sorted(str(path.relative_to(home)) for path in home.rglob("*")),
        [folder / (found[1] or found[2]) for line in lines if (found := _WRITES.search(line))],
    )


def leaves_machine(line: str) -> bool:
    """Tell whether a traced call addresses another machine, or asks for the address of one."""
    found = _ADDRESS.search(line)
    if found is None:
        return _RESOLVER in line
    return int(found[1]) == _DNS_PORT or not ipaddress.ip_address(found[2]).is_loopback


@pytest.fixture(scope="module", autouse=True)
def tracer() -> None:
    """Skip, with the reason, where processes cannot be watched."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed (apt-get install strace)")
    tried = subprocess.run([*_STRACE, "-o", os.devnull, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"strace may not trace here: {tried.stderr.decode().strip()}")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures to train on and four to validate with, with a bright square each."""
    root = tmp_path_factory.mktemp("data")
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[20:44, 20:44] = 255
    for first, split in ((0, "train"), (4, "val")):
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True)
        for index in range(4):
            shade = np.uint8(first + index)
            cv2.imwrite(str(root / "images" / split / f"{index}.png"), picture + shade)
            (root / "labels" / split / f"{index}.txt").write_text("0 0.5 0.5 0.375 0.375\n")
    content = "train: images/train\nval: images/val\nnames: [RBC, WBC, Platelets]\n"
    (root / "data.yaml").write_text(content)
    return root


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, data: Path, bccd_model: Path) -> dict[str, Seen]:
    """What the system saw of each command; several run at a time."""

    def run(command: str) -> Seen:
        folder = tmp_path_factory.mktemp("watched")
        (folder / "alive.py").write_text(_ALIVE)
        words = command.format(data=data, model=bccd_model, start=START).split()
        return watch(folder, sys.executable, *words)

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(_COMMANDS, pool.map(run, _COMMANDS.values()), strict=True))


@pytest.mark.parametrize("name", _COMMANDS)
def test_nothing_is_sent_and_nothing_is_left(seen: dict[str, Seen], name: str) -> None:
    assert seen[name].code == 0, seen[name].output
    assert seen[name].connections == []
    assert seen[name].home == []


def test_openvino_writes_results_and_its_cache_alone(seen: dict[str, Seen]) -> None:
    written = seen["predict, OpenVINO"].written
    (folder,) = {path.parent for path in written if path.name == "store"}
    compiled = folder / "store" / "cache" / "compiled"
    assert any(path.parent == compiled for path in written)
    allowed = (folder / "runs", folder / "store", folder / "temp", Path("/dev"))
    assert [path for path in written if not any(map(path.is_relative_to, allowed))] == []


def test_the_watch_sees_a_look_up_and_a_file(tmp_path: Path) -> None:
    code = (
        "import pathlib, socket, contextlib\n"
        "pathlib.Path.home().joinpath('.left').touch()\n"
        "with contextlib.suppress(OSError): socket.getaddrinfo('yolokit.invalid', 443)\n"
        "with socket.socket(type=socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):\n"
        "    s.connect(('192.0.2.1', 443))\n"
        "with socket.socket(type=socket.SOCK_DGRAM) as s: s.connect(('127.0.0.1', 443))\n"
    )
    found = watch(tmp_path, sys.executable, "-c", code)
    assert found.code == 0, found.output
    assert any("192.0.2.1" in line for line in found.connections)
    assert any(f"htons({_DNS_PORT})" in line or _RESOLVER in line for line in found.connections)
    assert not any("htons(443)" in line and "127.0.0.1" in line for line in found.connections)
    assert found.home == [".left"]
