"""Pages opened in headless Chromium, spoken to over two pipes in its own protocol.

``photograph`` is what most tests need::

    @pytest.mark.skipif(NO_CHROMIUM, reason=NO_CHROMIUM_REASON)
    def test_it_looks_well(tmp_path):
        png, console = photograph(page, width_px=360, dark=True)
        assert console == []

Source: https://chromedevtools.github.io/devtools-protocol/, ``--remote-debugging-pipe``.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-pipe",
)  # fmt: skip


def find_chromium() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


NO_CHROMIUM = find_chromium() is None
NO_CHROMIUM_REASON = f"none of {', '.join(NAMES)} is installed"


class Tab:
    """A page that is open, and what its console has said since."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._received = b""
        self._session: str | None = None
        self._last_id = 0
        self._events: list[Mapping[str, Any]] = []
        self.console: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> Any:
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._last_id:
            self._note(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def open(self, path: Path, width_px: int, *, dark: bool = False) -> None:
        """Open a file at a width, and wait until it has loaded."""
        size = {"width": width_px, "height": 800, "deviceScaleFactor": 1}
        self.call("Emulation.setDeviceMetricsOverride", **size, mobile=width_px < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._events.clear()
        self.console.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._note(self._read())

    def evaluate(self, expression: str) -> Any:
        """Return what JavaScript says of the page, though the page itself may run none."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def photograph(self) -> bytes:
        """Return the whole page as PNG, however high it is."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(answer["data"])

    def print_pdf(self) -> bytes:
        """Return the page as it would be printed on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69}
        return base64.b64decode(self.call("Page.printToPDF", **paper)["data"])

    def requested_urls(self) -> list[str]:
        """Return the addresses that the page asked for, itself first, and not what it embeds."""
        asked = (e["params"] for e in self._events if e["method"] == "Network.requestWillBeSent")
        urls = [str(each["request"]["url"]) for each in asked]
        return [url for url in urls if not url.startswith("data:")]

    def _read(self) -> Mapping[str, Any]:
        while b"\0" not in self._received:
            some = os.read(self._receive, 1 << 20)
            assert some, "Chromium has ended"
            self._received += some
        message, _, self._received = self._received.partition(b"\0")
        answer: Mapping[str, Any] = json.loads(message)
        return answer

    def _note(self, event: Mapping[str, Any]) -> None:
        self._events.append(event)
        parameters = event.get("params", {})
        match event.get("method"):
            case "Runtime.consoleAPICalled":
                words = [str(arg.get("value", arg)) for arg in parameters["args"]]
                self.console.append(f"{parameters['type']}: {' '.join(words)}")
            case "Runtime.exceptionThrown":
                self.console.append(f"exception: {parameters['exceptionDetails']['text']}")
            case "Log.entryAdded":
                entry = parameters["entry"]
                self.console.append(f"{entry['level']}: {entry['text']}")


@contextlib.contextmanager
def open_chromium() -> Iterator[Tab]:
    """Yield an empty tab of a Chromium with a profile of its own."""
    chromium = find_chromium()
    assert chromium is not None, NO_CHROMIUM_REASON
    to_browser, our_send = os.pipe()
    our_receive, from_browser = os.pipe()
    # The shell gives the two ends the numbers 3 and 4, which Chromium reads and writes.
    # dash knows only descriptors of one digit, hence the paths.
    script = f'exec "$@" 3</dev/fd/{to_browser} 4>/dev/fd/{from_browser}'
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        command = [chromium, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(
            ["sh", "-c", script, "sh", *command],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        try:
            yield Tab(our_send, our_receive)
        finally:
            process.terminate()
            process.wait(timeout=30)
            os.close(our_send)
            os.close(our_receive)


def photograph(page: Path, width_px: int, *, dark: bool = False) -> tuple[bytes, list[str]]:
    """Return a picture of the whole page (PNG), and the lines of its console."""
    with open_chromium() as tab:
        tab.open(page, width_px, dark=dark)
        return tab.photograph(), list(tab.console)
