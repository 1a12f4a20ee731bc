"""Every fault that a server can have ends in the right file or in an error that says what it was.

The server is real, on this machine; what fetches is the code that users run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loopback import faults
from tests.loopback.server import Fault
from tests.unit.hub.conftest import CONTENT, FAST, SHA256, Loop, split_events
from yolokit.errors import FetchError
from yolokit.hub.fetch import Fetched, Wanted, fetch
from yolokit.hub.source import Limits

WHOLE = Wanted("net", len(CONTENT), SHA256)
SIZE_ALONE = Wanted("net", len(CONTENT))
NOTHING = Wanted("net")


class Run:
    """Calls fetch and keeps what it said."""

    def __init__(self, store: Path) -> None:
        self.part = store / ".net.pt.part"
        self.notices: list[str] = []
        self.progress: list[tuple[int, int | None]] = []

    def __call__(self, *urls: str, wanted: Wanted = WHOLE, limits: Limits = FAST) -> Fetched:
        listen = split_events(self.notices, lambda *progress: self.progress.append(progress))
        return fetch(urls, self.part, wanted, limits=limits, on_event=listen)

    def content(self) -> bytes:
        return self.part.read_bytes()

    def leave(self, content: bytes, url: str, validator: str | None) -> None:
        """Leave a part as a process does that was killed."""
        from yolokit.hub.partial import Origin, Part

        part = Part(self.part)
        part.begin(Origin(url, validator))
        self.part.write_bytes(content)


@pytest.fixture
def run(own_store: Path) -> Run:
    return Run(own_store)


def etag(content: bytes = CONTENT) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


def test_a_file_arrives(run: Run, loop: Loop) -> None:
    fetched = run(loop.url)
    assert fetched == Fetched(loop.url, len(CONTENT), SHA256)
    assert run.content() == CONTENT
    assert run.progress[0] == (0, len(CONTENT))
    assert run.progress[-1] == (len(CONTENT), len(CONTENT))
    assert run.notices == []
    left = {path.name for path in run.part.parent.iterdir()}
    assert left == {".net.pt.part", ".net.pt.part.from"}
    assert loop.site.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("wanted", [WHOLE, NOTHING], ids=["whole", "nothing"])
@pytest.mark.parametrize(
    ("planned", "said"),
    [
        ([faults.status(500)], "500"),
        ([faults.status(503, Retry_After="0")], "503"),
        ([faults.status(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")], "429"),
        ([faults.status(500), faults.status(502)], "502"),
        ([faults.reset_after(0.5)], "reset"),
        ([faults.cut_after(0.5)], "broke off"),
        ([faults.chunked(finish=False)], "broke off"),
        ([faults.reset_after(0.5), faults.cut_after(0.5), faults.reset_after(0.5)], "broke off"),
        ([faults.hang], "nothing came"),
        ([faults.hang_midway], "nothing came"),
        ([faults.drip(100)], "too slow"),
        ([faults.drip_headers], "did not end"),
        ([faults.endless_continue], "did not end"),
        ([faults.drip_framing], "did not end"),
        ([faults.garbage], "broke off"),
        ([faults.reset_after(0.5), faults.no_range], "reset"),
        ([faults.reset_after(0.5), faults.new_etag], "reset"),
        ([faults.reset_after(0.5), faults.wrong_part(64)], "a different part"),
        ([faults.reset_after(0.5), faults.content_range("bytes 0-5/48000")], "a different part"),
        ([faults.reset_after(0.5), faults.content_range("nonsense")], "a different part"),
        ([faults.reset_after(0.5), faults.never_satisfied], "fewer bytes than are here already"),
    ],
)  # fmt: skip
def test_survived(run: Run, loop: Loop, planned: list[Fault], said: str, wanted: Wanted) -> None:
    path = loop.url.removeprefix(loop.base)
    loop.site.fail(path, *planned)
    fetched = run(loop.url, wanted=wanted)
    assert run.content() == CONTENT
    assert fetched.sha256 == SHA256
    assert any(said in notice for notice in run.notices), run.notices
    assert loop.site.plans[path] == [], "every fault was met"


@pytest.mark.parametrize("wanted", [WHOLE, NOTHING], ids=["whole", "nothing"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.status(404), "404"),
        (faults.status(403), "403"),
        (faults.status(204), "204"),
        (faults.status(302), "does not say where to"),
        (faults.status(503, Retry_After="3600"), "503"),
        (faults.redirect("file:///etc/passwd"), "file: is not an address that a server"),
        (faults.redirect("http://example.com/net.pt"), "plain http to example.com is refused"),
        (faults.redirect("http://127.0.0.1.example.com/x"), "plain http to 127.0.0.1.example.com"),
        (faults.redirect("ftp://127.0.0.1/net.pt"), "ftp: is not an address"),
        (faults.redirect("http://[::1"), "Invalid URL"),
        (faults.redirect("http://"), "redirects more than 8 times"),
        (faults.redirect("/models/net.pt"), "redirects more than 8 times"),
        (faults.endless, ""),
        (faults.stated_length(2 << 40), "bytes"),
        (faults.says_gzip, "gzip"),
        (faults.login_page, "web page"),
        (faults.huge_headers, "broke off"),
    ],
)  # fmt: skip
def test_refused(run: Run, loop: Loop, fault: Fault, said: str, wanted: Wanted) -> None:
    loop.site.fail(loop.url.removeprefix(loop.base), always=fault)
    with pytest.raises(FetchError) as caught:
        run(loop.url, wanted=wanted)
    assert type(caught.value) is FetchError
    assert said in str(caught.value)
    assert f"- {loop.url}: " in str(caught.value)
    assert not run.part.exists() or run.content() == b""


@pytest.mark.parametrize("wanted", [WHOLE, SIZE_ALONE], ids=["whole", "size"])
@pytest.mark.parametrize(
    "fault",
    [
        faults.too_much(with_length=True),
        faults.too_much(with_length=False),
        faults.chunked(b"more"),
        faults.stated_length(100),
        faults.cut_without_length(0.5),
    ],
    ids=["too much", "too much, unsaid", "chunks", "too little", "too little, unsaid"],
)
def test_another_size_goes_on_to_the_next_address(
    run: Run, loop: Loop, second: Loop, fault: Fault, wanted: Wanted
) -> None:
    loop.site.fail(loop.url.removeprefix(loop.base), always=fault)
    fetched = run(loop.url, second.url, wanted=wanted)
    assert fetched.url == second.url
    assert run.content() == CONTENT
    assert loop.site.sent_bytes() < 8 * len(CONTENT), "no more is taken than there can be"


@pytest.mark.parametrize("fault", [faults.wrong_bytes, faults.lies_about_part])
def test_wrong_bytes_go_on_to_the_next_address(
    run: Run, loop: Loop, second: Loop, fault: Fault
) -> None:
    path = loop.url.removeprefix(loop.base)
    loop.site.fail(path, faults.reset_after(0.5), always=fault)
    if fault is faults.lies_about_part:  # with no range it serves the right bytes
        loop.site.fail(path, faults.reset_after(0.5), fault, always=faults.wrong_bytes)
    fetched = run(loop.url, second.url)
    assert fetched.url == second.url
    assert run.content() == CONTENT
    assert any("wrong content" in notice for notice in run.notices)


def test_wrong_bytes_everywhere_leave_nothing(run: Run, loop: Loop) -> None:
    loop.site.fail(loop.url.removeprefix(loop.base), always=faults.wrong_bytes)
    with pytest.raises(FetchError, match=f"in place of {SHA256}"):
        run(loop.url)
    assert list(run.part.parent.iterdir()) == []


def test_a_wrong_prefix_is_refused(run: Run, loop: Loop) -> None:
    with pytest.raises(FetchError, match="in place of 00000000"):
        run(loop.url, wanted=Wanted("net", sha256_prefix="00000000"))
    assert run(loop.url, wanted=Wanted("net", sha256_prefix=SHA256[:8])).sha256 == SHA256


def test_a_cut_that_nothing_shows_is_refused_unless_the_hash_is_known(run: Run, loop: Loop) -> None:
    path = loop.url.removeprefix(loop.base)
    loop.site.fail(path, always=faults.cut_without_length(1.0))
    with pytest.raises(FetchError, match="does not say how long the file is"):
        run(loop.url, wanted=NOTHING)
    assert run(loop.url, wanted=Wanted("net", sha256=SHA256)).sha256 == SHA256
    run.part.unlink()
    loop.site.fail(path, always=faults.chunked())
    assert run(loop.url, wanted=NOTHING).sha256 == SHA256


def test_more_than_the_cap_is_never_taken(run: Run, loop: Loop) -> None:
    loop.site.fail(loop.url.removeprefix(loop.base), always=faults.chunked(b"x" * 100_000))
    limits = Limits(most_bytes=60_000)
    with pytest.raises(FetchError, match="more than 60000 bytes"):
        run(loop.url, wanted=NOTHING, limits=limits)
    assert not run.part.exists()


def test_all_failures_are_told_in_order(run: Run, loop: Loop) -> None:
    loop.site.fail("/a", always=faults.status(404))
    loop.site.fail("/b", always=faults.status(500))
    urls = [f"{loop.base}/a", f"{loop.base}/b", "hf://x", "gopher://x/y", "http://example.com/c"]
    with pytest.raises(FetchError) as caught:
        run(*urls)
    lines = str(caught.value).splitlines()
    assert lines[0] == "net could not be fetched:"
    assert [line.split(": ", 1)[0] for line in lines[1:]] == [f"  - {url}" for url in urls]
    assert "404" in lines[1]
    assert "500" in lines[2]
    assert "hf://owner/repo/file@revision" in lines[3]
    assert "unknown kind of address 'gopher'" in lines[4]
    assert "plain http to example.com is refused" in lines[5]
    count = [request.path for request in loop.site.requests]
    assert count == ["/a", "/b", "/b", "/b"], "404 is final; 500 is tried three times"
    assert "check the connection" in str(caught.value.hint)


def test_a_file_that_is_not_there_has_nothing_to_do_with_connections(
    run: Run, tmp_path: Path
) -> None:
    with pytest.raises(FetchError, match="No such file") as caught:
        run((tmp_path / "missing.pt").as_uri())
    assert caught.value.hint is None


def test_a_dead_server_and_a_dead_name(run: Run, loop: Loop, second: Loop) -> None:
    port = second.base.rpartition(":")[2]
    with pytest.raises(FetchError) as caught:
        run("http://127.0.0.1:1/x", "https://no-such-host.invalid/x", f"https://127.0.0.1:{port}/x")
    refused, unknown, plain = str(caught.value).splitlines()[1:]
    assert "refused" in refused
    assert "https://no-such-host.invalid/x: " in unknown
    assert "SSL" in plain


def test_waits_grow_and_are_bounded(run: Run, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    path = loop.url.removeprefix(loop.base)
    loop.site.fail(path, faults.status(503, Retry_After="17"), always=faults.status(500))
    with pytest.raises(FetchError, match="500"):
        run(loop.url, limits=Limits(attempts=4, backoff_s=1))
    assert waits[0] == 17
    assert 1 <= waits[1] <= 2 <= waits[2] <= 4
    assert len(waits) == 3


def test_progress_earns_further_attempts_but_repeating_the_start_does_not(
    run: Run, loop: Loop
) -> None:
    path = loop.url.removeprefix(loop.base)
    loop.site.fail(path, *[faults.reset_after(0.2)] * 8)
    run(loop.url)
    assert run.content() == CONTENT
    run.part.unlink()
    loop.site.fail(path, always=faults.cut_without_length(0.5))
    before = len(loop.site.requests)
    with pytest.raises(FetchError, match="stopped after 24000 of 48000"):
        run(loop.url)
    assert len(loop.site.requests) - before == FAST.attempts


# --- going on with what is there -------------------------------------------------------------


def test_an_honest_part_is_gone_on_with(run: Run, loop: Loop) -> None:
    run.leave(CONTENT[:30_000], loop.url, etag())
    run(loop.url, wanted=NOTHING)
    assert run.content() == CONTENT
    (request,) = loop.site.requests
    assert request.range == "bytes=30000-"
    assert request.headers["if-range"] == etag()
    assert request.sent_bytes == 18_000


@pytest.mark.parametrize(
    ("url", "validator"),
    [("http://127.0.0.1/other", etag()), ("same", None), ("", None), ("same", '"older"')],
)
def test_a_part_that_may_be_of_another_file_is_not(
    run: Run, loop: Loop, url: str, validator: str | None
) -> None:
    run.leave(b"?" * 30_000, loop.url if url == "same" else url, validator)
    assert run(loop.url, wanted=SIZE_ALONE).sha256 == SHA256
    assert loop.site.sent_bytes() == len(CONTENT)


def test_a_server_that_ignores_if_range_cannot_mix_two_files(run: Run, loop: Loop) -> None:
    run.leave(b"?" * 30_000, loop.url, '"older"')
    loop.site.fail(loop.url.removeprefix(loop.base), faults.ignores_if_range)
    assert run(loop.url, wanted=NOTHING).sha256 == SHA256
    assert any("a different file now" in notice for notice in run.notices)


def test_a_mirror_goes_on_where_another_stopped_if_the_hash_is_known(
    run: Run, loop: Loop, second: Loop
) -> None:
    loop.site.fail(
        loop.url.removeprefix(loop.base), faults.reset_after(0.75), always=faults.status(404)
    )
    assert run(loop.url, second.url).url == second.url
    assert second.site.requests[0].range is not None
    assert "if-range" not in second.site.requests[0].headers
    assert second.site.sent_bytes() < len(CONTENT) / 2


def test_a_foreign_part_that_proves_wrong_is_fetched_anew(run: Run, loop: Loop) -> None:
    run.leave(b"?" * 30_000, "http://127.0.0.1/other", None)
    assert run(loop.url).sha256 == SHA256
    assert [request.range for request in loop.site.requests] == ["bytes=30000-", None]


def test_a_complete_part_needs_no_connection(run: Run) -> None:
    run.leave(CONTENT, "http://127.0.0.1:1/x", None)
    assert run("http://127.0.0.1:1/x").sha256 == SHA256


def test_a_complete_part_of_unknown_size_is_recognised(run: Run, loop: Loop) -> None:
    run.leave(CONTENT, loop.url, etag())
    assert run(loop.url, wanted=NOTHING).sha256 == SHA256
    assert loop.site.sent_bytes() == 0


@pytest.mark.parametrize("content", [CONTENT + b"x", b"?" * len(CONTENT)])
def test_a_part_that_is_wrong_as_a_whole_is_fetched_anew(
    run: Run, loop: Loop, content: bytes
) -> None:
    run.leave(content, loop.url, etag())
    assert run(loop.url).sha256 == SHA256


def test_a_damaged_note_is_no_note(run: Run, loop: Loop) -> None:
    for note in (b"", b"{", b"\xff\xfe", b"[1]", b'{"url": 3}'):
        run.leave(b"?" * 30_000, loop.url, etag())
        run.part.with_name(run.part.name + ".from").write_bytes(note)
        assert run(loop.url, wanted=NOTHING).sha256 == SHA256


def test_an_interrupt_keeps_what_has_arrived(run: Run, loop: Loop) -> None:
    def interrupt(done: int, _total: int | None) -> None:
        if done > 20_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.site.pause_s = 0.002
        listen = split_events([], interrupt)
        fetch([loop.url], run.part, NOTHING, limits=FAST, on_event=listen)
    kept = run.part.stat().st_size
    assert 20_000 < kept < len(CONTENT)
    assert CONTENT.startswith(run.content())
    run(loop.url, wanted=NOTHING)
    assert run.content() == CONTENT
    assert loop.site.requests[-1].range == f"bytes={kept}-"


# --- the disk --------------------------------------------------------------------------------


def test_too_little_room_is_noticed_before_anything_is_taken(
    run: Run, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(100, 50, 50))
    for wanted in (WHOLE, NOTHING):
        with pytest.raises(FetchError, match="is full: 48000 bytes are needed, 50 are free"):
            run(loop.url, "http://127.0.0.1:1/never-tried", wanted=wanted)
    assert not run.part.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_disk_that_fills_up_is_an_error_of_its_own(run: Run, loop: Loop) -> None:
    code = f"""
import resource, signal, sys
from pathlib import Path
from yolokit.errors import FetchError
from yolokit.hub.fetch import Wanted, fetch
from yolokit.hub.source import Limits
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    fetch(["{loop.url}"], Path({str(run.part)!r}), Wanted("net"), limits=Limits(),
          on_event=print)
except FetchError as error:
    print(error)
    sys.exit(4)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 4, done.stderr
    assert "the disk is full, or a quota is reached" in done.stdout
    assert run(loop.url, wanted=NOTHING).sha256 == SHA256, "and goes on once there is room"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_cannot_be_written(run: Run, loop: Loop) -> None:
    run.part.parent.chmod(0o555)
    try:
        with pytest.raises(FetchError, match="Permission denied"):
            run(loop.url)
    finally:
        run.part.parent.chmod(0o755)


# --- tokens and other machines ---------------------------------------------------------------


def test_redirects_lead_on(run: Run, loop: Loop, second: Loop) -> None:
    path = loop.site.publish_github("v8.4.0", "net.pt", CONTENT)
    assert run(loop.base + path).sha256 == SHA256
    run.part.unlink()
    second.site.files["/far"] = CONTENT
    loop.site.fail("/near", always=faults.redirect(f"{second.base}/far", 307))
    assert run(f"{loop.base}/near", wanted=NOTHING).sha256 == SHA256


def test_a_changing_signature_does_not_hinder_going_on(run: Run, loop: Loop) -> None:
    path = loop.site.publish_github("v8.4.0", "net.pt", CONTENT)
    loop.site.fail(loop.site.real_path(path), faults.reset_after(0.5))
    signed = loop.site.redirects[path]
    loop.site.fail(path, faults.redirect(signed), faults.redirect(signed + "-and-new"))
    assert run(loop.base + path, wanted=NOTHING).sha256 == SHA256
    assert loop.site.sent_bytes() == len(CONTENT)


@pytest.mark.parametrize(
    "query",
    [
        "sv=2018-11-09&se=2026-01-01T00%3A00%3A00Z&rscd=attachment%3B+filename%3Dx&sig=a%2Bb%2Fc%3D",
        "response-content-disposition=inline%3B+filename*%3DUTF-8%27%27m.pt%3B&Signature=ab~cd-_",
        "lower=%7e%2a&plain=!$'()*,;:@/?~|[]",
    ],
)
def test_signed_links_are_followed_to_the_letter(run: Run, loop: Loop, query: str) -> None:
    target = f"/a%2Fb/d+e~f!$&'()*,;=:@?{query}"
    loop.site.files[target.partition("?")[0]] = CONTENT
    loop.site.fail("/signed", faults.redirect(target))
    run(f"{loop.base}/signed")
    assert loop.site.requests[-1].path == target


@pytest.mark.parametrize("code", [400, 403])
def test_a_signed_link_that_is_not_good_yet_or_no_longer_is_asked_for_anew(
    run: Run, loop: Loop, code: int
) -> None:
    path = loop.site.publish_github("v8.4.0", "net.pt", CONTENT)
    loop.site.fail(loop.site.real_path(path), faults.status(code))
    assert run(loop.base + path).sha256 == SHA256
    assert [request.path for request in loop.site.requests].count(path) == 2


def test_no_failure_shows_a_signature_or_a_password(run: Run, loop: Loop) -> None:
    host = loop.base.removeprefix("http://")
    with pytest.raises(FetchError) as caught:
        run(f"http://user:password@{host}/missing.pt?token=secret")
    told = str(caught.value) + str(run.notices)
    assert "password" not in told
    assert "secret" not in told
    assert host in told
    sent = loop.site.requests[0]
    assert sent.headers["authorization"].startswith("Basic ")


def test_every_foreign_error_is_mapped(
    run: Run, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    kinds: list[Callable[[], Exception]] = [
        lambda kind=kind: kind("boom")  # type: ignore[misc]
        for kind in vars(httpx).values()
        if isinstance(kind, type)
        and issubclass(kind, (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError))
        and kind not in (httpx.HTTPStatusError, httpx.StreamConsumed, httpx.StreamClosed)
        and kind not in (httpx.ResponseNotRead, httpx.RequestNotRead)
    ]
    kinds += [httpx.StreamConsumed, httpx.StreamClosed, httpx.ResponseNotRead]
    kinds += [lambda: OSError("boom"), lambda: ImportError("socksio"), lambda: ValueError("proxy")]
    for place in ("send", "iter_raw"):
        owner = httpx.Client if place == "send" else httpx.Response
        for make in kinds:

            def fail(*_args: object, _make: Callable[[], Exception] = make, **_: object) -> None:
                raise _make()

            monkeypatch.setattr(owner, place, fail)
            with pytest.raises(FetchError) as caught:
                run(loop.url, limits=Limits(attempts=1))
            assert type(caught.value) is FetchError
        monkeypatch.undo()
