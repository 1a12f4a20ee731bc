"""Run the cases with one installation of yolokit, as a user would, and write down what came out."""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.loopback import faults
from tests.loopback.server import Site, serve
from tests.pinned.table import SLOW, Case, Command, list_cases

LIMIT_S = 1800
NOWHERE = "http://127.0.0.1:9"  # a port that nobody serves: no command leaves the machine
TEXTS = (
    ".txt", ".json", ".jsonl", ".yaml", ".yml", ".xml", ".csv", ".lock", ".names", ".data", ".cfg",
)  # fmt: skip
BUNDLES = (".tar", ".zip")
MOST_TEXT_BYTES = 4_000_000
MOST_BYTES = 200 << 20


@dataclass(frozen=True)
class Place:
    """Where one recording runs.

    Attributes:
        yolokit: The command of the installation that is recorded.
        inputs: The folder of inputs.
        root: A temporary folder whose path is as long in every recording.
        base: The address of the recording's server.
    """

    yolokit: Path
    inputs: Path
    root: Path
    base: str

    @property
    def host(self) -> str:
        return self.base.removeprefix("http://")

    def hide(self, text: str) -> str:
        """Replace what is another in each recording: folders and the port."""
        for found, name in (
            (str(self.root), "<root>"), (str(self.inputs), "<inputs>"), (self.host, "<server>"),
            (str(self.yolokit.parents[2]), "<tree>"),
        ):  # fmt: skip
            text = text.replace(found, name)
        return text


def record(out: Path, inputs: Path, yolokit: Path, *, only: str, at_once: int) -> None:
    """Record every case whose name fits ``only`` into a file of ``out``, if it is not there yet."""
    cases = [one for one in list_cases(inputs) if fnmatch.fnmatch(one.name, only)]
    if only == "*":
        cases = [one for one in cases if not one.name.startswith(SLOW)]
    cases = [one for one in cases if not _record_path(out, one).is_file()]
    cases.sort(key=lambda one: not one.name.startswith(("train/", "export/", "bccd/")))
    out.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="pinned-"))
    site = _make_site(inputs)
    try:
        with serve(site) as base, ThreadPoolExecutor(at_once) as pool:
            place = Place(yolokit, inputs, root, base)
            running = [pool.submit(_record_case, one, place, out) for one in cases]
            for done in running:
                done.result()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print(f"{len(cases)} cases recorded in {out}")


def _make_site(inputs: Path) -> Site:
    web = inputs / "web"
    site = Site(files={f"/{path.name}": path.read_bytes() for path in web.iterdir()})
    content = site.files["/net.pt"]
    for name in ("cut", "reset", "login", "500", "403"):
        site.files[f"/{name}.pt"] = content
    site.redirects |= {"/moved.pt": "/net.pt", "/away.pt": "ftp://example.com/net.pt"}
    site.fail("/cut.pt", faults.cut_after(0.5))
    site.fail("/reset.pt", faults.reset_after(0.5))
    site.fail("/login.pt", always=faults.login_page)
    site.fail("/500.pt", faults.status(500))
    site.fail("/403.pt", always=faults.status(403))
    return site


def _record_case(one: Case, place: Place, out: Path) -> None:
    began = time.monotonic()
    folder = place.root / one.name.replace("/", "__")
    here, home = folder / "here", folder / "home"
    here.mkdir(parents=True)
    home.mkdir()
    for name, source in one.inputs.items():
        _copy(place.inputs / source, here / name)
    before = dict(_list_tree(here))
    parts = [_run(command, one, place, here, home) for command in one.commands]
    parts.append("== tree\n")
    parts += _describe_tree(here, before, "", place)
    parts += _describe_tree(home, {}, "~/", place)
    text = place.hide("".join(parts))
    _record_path(out, one).write_text(text, "utf-8", newline="\n")
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{time.monotonic() - began:6.1f} s  {one.name}", flush=True)


def _record_path(out: Path, one: Case) -> Path:
    return out / f"{one.name.replace('/', '__')}.txt"


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy(source, target)


def _run(command: Command, one: Case, place: Place, here: Path, home: Path) -> str:
    """Run one command and return what it said."""
    words = [_fill(word, place) for word in command]
    said = f"== $ {' '.join(command)}\n" if len(str(command)) < 1000 else f"== $ {command[0]}\n"
    if words and words[0].startswith("+") and words[0] != "+python":
        PROGRAMS[words[0]](here, *words[1:])
        return said
    program = [str(place.yolokit), *words]
    if words and words[0] == "+python":
        program = [str(place.yolokit.with_name("python")), "-c", *words[1:]]
    environment = _make_environment(one, place, home)
    try:
        done = subprocess.run(
            program, cwd=here, env=environment, capture_output=True, stdin=subprocess.DEVNULL,
            check=False, timeout=LIMIT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{said}-- no end in {LIMIT_S} s\n"
    out, err = (stream.decode("utf-8", "backslashreplace") for stream in (done.stdout, done.stderr))
    return f"{said}-- exit code {done.returncode}\n-- stdout\n{out}-- stderr\n{err}"


def _fill(word: str, place: Place) -> str:
    return word.replace("$BASE", place.base).replace("$INPUTS", str(place.inputs))


def _make_environment(one: Case, place: Place, home: Path) -> Mapping[str, str]:
    fixed = {
        "PATH": f"{place.yolokit.parent}:/usr/local/bin:/usr/bin:/bin", "HOME": str(home),
        "LC_ALL": "C.UTF-8", "TZ": "UTC", "COLUMNS": "100", "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0", "NO_PROXY": "127.0.0.1",
        "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE,
    }  # fmt: skip
    return fixed | {name: _fill(value, place) for name, value in one.environment.items()}


def _grow(here: Path, name: str, size: str) -> None:
    with (here / name).open("r+b") as stream:
        stream.truncate(int(size))  # a hole: it takes no place on the disk


def _append(here: Path, name: str, text: str) -> None:
    path = here / name
    if path.parent.is_dir():
        with path.open("a") as stream:
            stream.write(text)


def _edit(here: Path, name: str, old: str, new: str) -> None:
    path = here / name
    if path.is_file():
        path.write_text(path.read_text().replace(old, new))


PROGRAMS: Mapping[str, Callable[..., object]] = {
    "+grow": _grow,
    "+append": _append,
    "+edit": _edit,
    "+empty": lambda here, name: (here / name).write_bytes(b""),
    "+pipe": lambda here, name: os.mkfifo(here / name),
}


def _list_tree(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of everything in a folder, and what it is: a hash, a link, a folder."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        facts = path.lstat()
        if stat.S_ISLNK(facts.st_mode):
            yield name, f"link to {path.readlink()}"
        elif stat.S_ISDIR(facts.st_mode):
            if not any(path.iterdir()):
                yield name, "empty folder"
        elif not stat.S_ISREG(facts.st_mode):
            yield name, "pipe or device"
        elif facts.st_size > MOST_BYTES:
            yield name, f"{facts.st_size} bytes"
        else:
            yield name, hashlib.sha256(path.read_bytes()).hexdigest()


def _describe_tree(
    root: Path, before: Mapping[str, str], prefix: str, place: Place
) -> Iterator[str]:
    """Yield what is new, changed and gone in a folder; of texts, what stands in them."""
    after = dict(_list_tree(root))
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"{prefix}{name}  gone\n"
        elif before.get(name) != after[name]:
            yield from _describe_file(root / name, f"{prefix}{name}", after[name], place)


def _describe_file(path: Path, name: str, what: str, place: Place) -> Iterator[str]:
    text = None
    if path.suffix in TEXTS and path.is_file() and path.stat().st_size <= MOST_TEXT_BYTES:
        with contextlib.suppress(UnicodeDecodeError):
            text = path.read_bytes().decode("utf-8")
    if path.suffix in BUNDLES and path.is_file():  # it says where its weights were fetched
        content = path.read_bytes().replace(place.host.encode(), b"<server>")
        what = hashlib.sha256(content).hexdigest()
    if text is None:
        yield f"{name}  {what}\n"
        return
    yield f"{name}  text, {len(text.splitlines())} lines\n"
    yield from (f"    {line}\n" for line in text.splitlines())
