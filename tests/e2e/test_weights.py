"""The README's commands for weights, against servers on this machine that look like the origins.

Processes are real, and killed for real; the addresses are those of the catalog.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.conftest import run_yolokit
from tests.loopback import faults
from tests.loopback.proxy import GITHUB_OBJECTS, HUB_CDN, Web, serve_web
from tests.loopback.pulling import pull
from tests.loopback.server import Site, serve
from tests.unit.hub.conftest import CONTENT, SHA256, make_store
from yolokit.hub.catalog import WeightsEntry, list_entries
from yolokit.hub.lockfile import LOCK_NAME, read_lock

LARGE = b"".join(hashlib.sha256(b"large %d" % n).digest() for n in range(5120))  # 160 KiB
KILLS = 24

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_store(tmp_path, monkeypatch)


@pytest.fixture
def web(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """The origin hosts, behind a proxy that the environment names."""
    with serve_web(tmp_path) as web:
        for name, value in web.environment.items():
            monkeypatch.setenv(name, value)
        yield web


def entry_without_hash() -> WeightsEntry:
    """Return an entry whose content a test may make up; what has a hash, nobody can."""
    for entry in list_entries():
        if entry.sha256 is None and entry.sha256_prefix is None and len(entry.urls) == 1:
            return entry
    pytest.skip("every entry of the catalog has a hash by now")


# --- the true addresses ----------------------------------------------------------------------


def test_every_command_with_the_catalogs_own_addresses(
    web: Web, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = entry_without_hash()
    assert web.publish_github("v8.4.0", entry.file, CONTENT) == entry.urls[0]
    hub = web.publish_hub("Ultralytics/YOLO26", "made-up.pt", LARGE)
    assert hub == "https://huggingface.co/Ultralytics/YOLO26/resolve/main/made-up.pt"

    def run(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        return run_yolokit("weights", *words, cwd=tmp_path, code=code)

    assert entry.name in run("list", "--family", entry.family).stdout
    assert entry.urls[0] in run("info", entry.name).stdout
    done = run("pull", entry.name, "hf://Ultralytics/YOLO26/made-up.pt@main")
    paths = [store / entry.file, store / "made-up.pt"]
    assert done.stdout.splitlines() == [str(path) for path in paths]
    assert [path.read_bytes() for path in paths] == [CONTENT, LARGE]
    assert f"fetching {entry.name} from github.com" in done.stderr
    assert f"{entry.name}: unverified, locked now" in done.stderr
    assert web.visited == ["github.com", GITHUB_OBJECTS, "huggingface.co", HUB_CDN]
    assert read_lock(store)[entry.file].url == entry.urls[0]
    assert "secret" not in (store / LOCK_NAME).read_text("utf-8")
    run("pull", entry.name, "--require-hash")
    assert "ok" in run("verify").stdout
    assert json.loads(run("list", "--installed", "--json").stdout.splitlines()[0])["installed"]
    assert run("where").stdout == f"{store}\n"
    run("bundle", entry.name, "made-up.pt", "--out", "w.tar")
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path / "home"))
    run("pull", entry.name, "--offline", code=4)
    run("import", "w.tar")
    run("pull", entry.name, "--offline", "--require-hash")
    (tmp_path / "home" / "weights" / entry.file).write_bytes(CONTENT[:-1] + b"x")
    assert "differs" in run("verify", code=4).stdout
    assert len(web.visited) == 4, "nothing else was connected to"


@pytest.mark.parametrize("name", ["yolo26n", "torchvision:squeezenet1_1", "darknet53.conv.74"])
def test_wrong_bytes_from_the_true_addresses_are_refused(
    web: Web, store: Path, tmp_path: Path, name: str
) -> None:
    entry = next(one for one in list_entries() if one.name == name.replace(":", "-"))
    content = b"x" * min(entry.size_bytes or 50_000, 6_000_000)
    for url in entry.urls:
        if "github.com" in url:
            web.publish_github("v8.4.0", entry.file, content)
        elif "huggingface.co" in url:
            web.publish_hub("Ultralytics/YOLO26", entry.file, content)
        else:
            web.publish(url, content)
    done = run_yolokit("weights", "pull", name, cwd=tmp_path, code=4)
    known = f"{entry.sha256 or entry.sha256_prefix}"
    if len(content) == (entry.size_bytes or len(content)):
        found = hashlib.sha256(content).hexdigest()[: len(known)]
        fault = f"has the wrong content: sha256 {found} in place of {known}"
    else:
        fault = f"has {len(content)} bytes in place of {entry.size_bytes}"
    assert done.stderr.count(fault) == 2 * len(entry.urls) - 1, "in passing and in the end"
    assert not (store / entry.file).exists()
    assert not (store / LOCK_NAME).exists()
    origins = [url.split("/")[2] for url in entry.urls]
    assert [host for host in web.visited if host in origins] == origins


def test_a_certificate_that_nobody_vouches_for(
    web: Web, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    done = run_yolokit("weights", "pull", "yolo26n", cwd=tmp_path, code=4)
    assert done.stderr.count("its certificate is not trusted") >= 2
    assert "trying again" not in done.stderr
    assert web.site.requests == []


def test_a_certificate_of_another_host(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_web(tmp_path, hosts=("example.com",)) as web:
        for name, value in web.environment.items():
            monkeypatch.setenv(name, value)
        done = run_yolokit("weights", "pull", "yolo26n", cwd=tmp_path, code=4)
    assert "its certificate is not trusted: Hostname mismatch" in done.stderr


def test_a_proxy_that_refuses(web: Web, store: Path, tmp_path: Path) -> None:
    web.refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    url = "https://github.com/a/b/net.pt"
    done = run_yolokit("weights", "pull", url, cwd=tmp_path, code=4)
    assert "the proxy refused: 407" in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HTTPS_PROXY", "socks5://127.0.0.1:1", "cannot set up a connection"),
        ("HTTPS_PROXY", "nonsense://127.0.0.1:1", "cannot set up a connection"),
        ("HTTPS_PROXY", "http://127.0.0.1:1", "refused"),
        ("SSL_CERT_FILE", "/no/such/file.pem", "cannot set up a connection"),
    ],
)
def test_an_environment_that_makes_no_sense(
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    said: str,
) -> None:
    from yolokit.errors import WeightsError
    from yolokit.hub.config import PullConfig
    from yolokit.hub.ensure import pull_weights
    from yolokit.hub.source import Limits

    monkeypatch.setenv(variable, value)
    with pytest.raises(WeightsError, match=said):
        pull_weights(PullConfig("https://github.com/a/net.pt"), limits=Limits(attempts=1))


def test_a_far_server_may_not_lead_to_this_machine(web: Web, store: Path, tmp_path: Path) -> None:
    inside = Site(files={"/admin": CONTENT})
    with serve(inside) as base:
        for target in (f"{base}/admin", base.replace("127.0.0.1", "localhost") + "/admin"):
            web.site.fail("/a/b/net.pt", faults.redirect(target))
            url = "https://github.com/a/b/net.pt"
            done = run_yolokit("weights", "pull", url, cwd=tmp_path, code=4)
            assert "github.com redirects to this machine itself" in done.stderr
    assert inside.requests == []


def test_a_token_goes_to_the_hub_alone(
    web: Web, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    web.publish_hub("o/r", "net.pt", CONTENT)
    web.publish_github("v8.4.0", "other.pt", LARGE)
    run_yolokit(
        "weights", "pull", "hf://o/r/net.pt",
        "https://github.com/ultralytics/assets/releases/download/v8.4.0/other.pt", cwd=tmp_path,
    )  # fmt: skip
    sent = {request.host: request.headers.get("authorization") for request in web.site.requests}
    assert sent == {
        "huggingface.co": "Bearer hf_secret", HUB_CDN: None, "github.com": None,
        GITHUB_OBJECTS: None,
    }  # fmt: skip


# --- offline ---------------------------------------------------------------------------------

OFFLINE = """
import os, sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
from yolokit.cli import main as cli, weights
commands = [line.split() for line in sys.argv[1].splitlines()]
named = {command.name or command.callback.__name__ for command in weights.app.registered_commands}
assert {words[0] for words in commands} == named, named
for words in commands:
    try:
        cli.main(["weights", *words])
    except SystemExit as end:
        print("ended", words[0], end.code, *opened)
print("httpx" in sys.modules)
"""


def test_offline_opens_no_socket_with_any_command(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(files={"/mirror/net.pt": CONTENT})
    commands = [
        ("list", 0),
        ("info yolo26n", 0),
        ("info mine.pt", 0),
        ("pull mine.pt --offline", 0),
        ("pull yolo26n torchvision:resnet50 --offline", 4),
        ("pull BASE/mirror/net.pt --offline", 4),
        ("pull hf://o/r/net.pt --offline", 4),
        ("pull https://github.com/a/b.pt --offline --require-hash", 4),
        ("verify", 0),
        ("where", 0),
        ("bundle mine.pt --out w.tar --offline", 0),
        ("bundle yolo26n --out x.tar --offline", 4),
        ("import w.tar", 0),
    ]
    (store / "mine.pt").write_bytes(b"mine")
    with serve(site) as base:
        monkeypatch.setenv("YOLOKIT_WEIGHTS_MIRROR", base)

        def run(lines: list[str]) -> list[str]:
            text = "\n".join(lines).replace("BASE", base)
            done = subprocess.run(
                [sys.executable, "-c", OFFLINE, text],
                cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120,
            )  # fmt: skip
            return [
                line
                for line in done.stdout.splitlines()
                if line.startswith(("ended", "True", "False"))
            ]

        ended = run([line for line, _ in commands])
        assert ended == [*(f"ended {line.split()[0]} {code}" for line, code in commands), "False"]
        assert site.requests == []
        for path in ("w.tar", "x.tar"):
            (tmp_path / path).unlink(missing_ok=True)
        monkeypatch.setenv("YOLOKIT_OFFLINE", "1")
        ended = run([line.replace(" --offline", "") for line, _ in commands])
        assert ended[-1] == "False"
        assert not any("socket" in line for line in ended)
        assert site.requests == []
        # The hook does notice a connection where there is one.
        monkeypatch.delenv("YOLOKIT_OFFLINE")
        (tmp_path / "w.tar").unlink()
        online = run([line.replace(" --offline", "") for line, code in commands if not code]
                     + ["pull BASE/mirror/net.pt"])  # fmt: skip
        assert "socket.connect" in online[-2]
        assert not any("socket" in line for line in online[:-2])
        assert len(site.requests) == 1


# --- kill -9 ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def processes() -> BaseContext:
    """Start processes from one that has everything loaded, so that many can be killed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["pytest", "httpx", "filelock", "yolokit.hub.ensure", "tests.loopback.pulling"]
    )
    return context


class Killer:
    """Pulls one file in processes that can be killed, and watches the store meanwhile."""

    def __init__(self, context: BaseContext, home: Path, site: Site, url: str) -> None:
        self._context, self._home, self.site, self._url = context, home, site, url
        self.store = home / "weights"
        self.final = self.store / "net.pt"
        self.content = LARGE

    def start(self) -> BaseProcess:
        process = self._context.Process(target=pull, args=(str(self._home), self._url))  # type: ignore[attr-defined]
        process.start()
        assert isinstance(process, BaseProcess)
        return process

    def kill_when(self, due: Callable[[], bool], delay_s: float) -> bool:
        """Kill a pull at a moment; tell whether it was still running then."""
        process = self.start()
        while process.is_alive() and not due():
            time.sleep(0.0005)
        time.sleep(delay_s)
        running = process.is_alive()
        process.kill()
        process.join()
        self.check()
        return running

    def finish(self) -> None:
        process = self.start()
        process.join(60)
        assert process.exitcode == 0
        self.check()
        assert self.final.read_bytes() == self.content
        left = {path.name for path in self.store.iterdir()}
        assert left == {"net.pt", LOCK_NAME}

    def check(self) -> None:
        """Whatever has happened: what has its final name is whole, and the lock can be read."""
        if self.final.exists():
            assert self.final.read_bytes() == self.content
        locked = read_lock(self.store)
        if locked:
            assert locked["net.pt"].sha256 == hashlib.sha256(self.content).hexdigest()


@pytest.fixture
def make_killer(
    store: Path, tmp_path: Path, processes: BaseContext
) -> Iterator[Callable[[str], Killer]]:
    site = Site(files={"/net.pt": LARGE}, pause_s=0.001)
    with serve(site) as base:
        yield lambda name: Killer(processes, tmp_path / name, site, f"{base}/net.pt")


def test_a_pull_that_is_killed_goes_on(make_killer: Callable[[str], Killer]) -> None:
    """At random moments, each with a store of its own: the next pull goes on and is whole."""
    dice = random.Random(20)
    interrupted = resumed = 0
    for number in range(KILLS):
        killer = make_killer(f"home{number}")
        site = killer.site
        site.requests.clear()
        threshold = int(len(LARGE) * dice.uniform(0, 1.02))
        # A few wait until all is sent, and strike while the file is checked, locked and named.
        delay_s = dice.uniform(0, 0.03) if threshold >= len(LARGE) or number % 4 == 0 else 0
        threshold = min(threshold, len(LARGE)) if number % 4 else len(LARGE)
        interrupted += killer.kill_when(lambda: site.sent_bytes() >= threshold, delay_s)  # noqa: B023 - called at once
        before = site.sent_bytes()
        killer.finish()
        resumed += any(request.range for request in site.requests)
        assert site.sent_bytes() < 2 * len(LARGE)
        assert site.sent_bytes() - before <= len(LARGE) - min(before, threshold) + 65536
    assert interrupted >= KILLS // 2
    assert resumed >= KILLS // 4


def test_one_pull_that_is_killed_again_and_again(make_killer: Callable[[str], Killer]) -> None:
    killer = make_killer("home")
    killer.content = LARGE * 4
    site, dice = killer.site, random.Random(9)
    site.files["/net.pt"] = killer.content
    for _ in range(KILLS):
        goal = site.sent_bytes() + dice.randrange(1, len(killer.content) // KILLS)
        killer.kill_when(lambda: site.sent_bytes() >= goal, 0)  # noqa: B023 - called at once
    killer.finish()
    starts = [int((request.range or "bytes=0-")[6:-1]) for request in site.requests]
    assert starts == sorted(starts), "each goes on where the one before was killed, or later"
    assert site.sent_bytes() < 2 * len(killer.content)


@pytest.mark.parametrize("when_s", [0.3, 0.6, 0.8, 1.0])
def test_the_command_itself_is_killed(store: Path, tmp_path: Path, when_s: float) -> None:
    site = Site(files={"/net.pt": LARGE}, pause_s=0.002)
    with serve(site) as base:
        words = [sys.executable, "-m", "yolokit", "weights", "pull", f"{base}/net.pt"]
        process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.DEVNULL)
        time.sleep(when_s)
        process.kill()
        process.wait()
        final = store / "net.pt"
        assert not final.exists() or final.read_bytes() == LARGE
        done = run_yolokit("weights", "pull", f"{base}/net.pt", cwd=tmp_path)
    assert done.stdout == f"{final}\n"
    assert final.read_bytes() == LARGE
    assert site.sent_bytes() < 2 * len(LARGE)


# --- several at once -------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 4])
def test_several_commands_fetch_one_file_once(store: Path, tmp_path: Path, count: int) -> None:
    site = Site(files={"/net.pt": LARGE}, pause_s=0.02)
    with serve(site) as base:
        words = [sys.executable, "-m", "yolokit", "weights", "pull", f"{base}/net.pt"]
        running = [
            subprocess.Popen(
                words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(count)
        ]
        ended = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * count
    assert [out for out, _ in ended] == [f"{store / 'net.pt'}\n"] * count
    assert sum("fetching net.pt from" in err for _, err in ended) == 1
    assert sum("another process is fetching net.pt" in err for _, err in ended) >= 1
    assert (store / "net.pt").read_bytes() == LARGE
    assert site.sent_bytes() == len(LARGE)


def test_a_waiting_command_takes_over_from_one_that_is_killed(store: Path, tmp_path: Path) -> None:
    site = Site(files={"/net.pt": LARGE}, pause_s=0.02)
    with serve(site) as base:
        words = [sys.executable, "-m", "yolokit", "weights", "pull", f"{base}/net.pt"]
        first = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.DEVNULL)
        while site.sent_bytes() < len(LARGE) // 4:
            time.sleep(0.01)
        site.pause_s = 1  # so that the first one is still at it when the second one has started
        second = subprocess.Popen(
            words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert second.stderr is not None
        assert "another process" in second.stderr.readline()
        first.kill()
        first.wait()
        site.pause_s = 0
        out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert out == f"{store / 'net.pt'}\n"
    assert (store / "net.pt").read_bytes() == LARGE
    assert site.sent_bytes() < 1.5 * len(LARGE)


def test_an_interrupted_command_says_that_it_goes_on(store: Path, tmp_path: Path) -> None:
    import signal

    site = Site(files={"/net.pt": LARGE}, pause_s=0.02)
    with serve(site) as base:
        words = [sys.executable, "-m", "yolokit", "weights", "pull", f"{base}/net.pt"]
        process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        while site.sent_bytes() < len(LARGE) // 4:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "what has arrived is kept" in err
        assert "Traceback" not in err
        site.pause_s = 0
        run_yolokit("weights", "pull", f"{base}/net.pt", cwd=tmp_path)
    assert site.sent_bytes() < 1.5 * len(LARGE)


def test_the_second_file_of_the_same_content_is_another_file(store: Path, tmp_path: Path) -> None:
    site = Site(files={"/a/net.pt": CONTENT, "/b/net.pt": LARGE})
    with serve(site) as base:
        urls = [f"{base}/a/net.pt#sha256={SHA256}", f"{base}/b/net.pt"]
        done = run_yolokit("weights", "pull", *urls, cwd=tmp_path)
    first, second = (Path(line) for line in done.stdout.splitlines())
    assert (first.read_bytes(), second.read_bytes()) == (CONTENT, LARGE)
