"""Every source of weights that is found keeps the contract; a new file is tested at once."""

from __future__ import annotations

import inspect
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.loopback import faults
from tests.loopback.server import Site, serve
from tests.unit.hub.conftest import CONTENT, FAST, make_store
from yolokit.core.plugins import list_plugins
from yolokit.errors import FetchError
from yolokit.hub.source import PACKAGE, Source, SourceError, is_local, load_source

SOURCES = list_plugins(PACKAGE)


@pytest.fixture(params=SOURCES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address that has CONTENT. A new source adds a line."""
    make_store(tmp_path, monkeypatch)
    site = Site(files={"/o/r/resolve/main/net.pt": CONTENT})
    if name == "file":
        (tmp_path / "net.pt").write_bytes(CONTENT)
        yield (tmp_path / "net.pt").as_uri()
        return
    tls = _encrypt(tmp_path, monkeypatch) if name == "https" else None
    with serve(site, tls) as base:
        monkeypatch.setenv("HF_ENDPOINT", base)
        samples = {"hf": "hf://o/r/net.pt"}
        if name not in ("hf", "http", "https"):
            raise AssertionError(f"no sample for the source {name!r}: add one here")
        yield samples.get(name, f"{base}/o/r/resolve/main/net.pt")


def _encrypt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    return tls


def read(url: str, offset_bytes: int = 0, validator: str | None = None) -> tuple[int, bytes]:
    source = load_source(url)
    with source.open_stream(
        url, offset_bytes=offset_bytes, validator=validator, limits=FAST
    ) as stream:
        return stream.offset_bytes, b"".join(stream.chunks)


def test_there_are_sources() -> None:
    assert {"file", "hf", "http", "https"} <= set(SOURCES)


def test_it_delivers_a_file(url: str) -> None:
    source = load_source(url)
    with source.open_stream(url, offset_bytes=0, validator=None, limits=FAST) as stream:
        assert stream.offset_bytes == 0
        assert stream.total_bytes == len(CONTENT)
        assert stream.validator
        assert stream.ends_visibly
        assert b"".join(stream.chunks) == CONTENT


def test_it_goes_on_at_an_offset(url: str) -> None:
    with load_source(url).open_stream(url, offset_bytes=0, validator=None, limits=FAST) as stream:
        validator = stream.validator
        next(iter(stream.chunks))
    for known in (validator, None):
        assert read(url, 20_000, known) == (20_000, CONTENT[20_000:])
    assert read(url, len(CONTENT), validator) == (len(CONTENT), b"")


def test_it_begins_anew_where_the_file_is_another(url: str) -> None:
    assert read(url, 20_000, '"another"') == (0, CONTENT)


def test_what_is_missing_is_an_error(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(url.replace("net.pt", "missing.pt"))
    assert not caught.value.transient


def test_what_is_malformed_is_refused_by_a_look(name: str) -> None:
    for rest in ("", "//", "//[::1", "//\x00", "//host:port/x"):
        with pytest.raises(FetchError):
            load_source(f"{name}:{rest}")


def test_it_defines_what_a_source_defines(name: str) -> None:
    import importlib

    module = importlib.import_module(f"{PACKAGE}.{name}")
    assert isinstance(module.IS_LOCAL, bool)
    for function in ("check_url", "open_stream"):
        expected = inspect.signature(getattr(Source, function)).parameters
        assert list(inspect.signature(getattr(module, function)).parameters) == list(expected)[1:]
        assert getattr(module, function).__doc__


def test_only_files_are_local(url: str, name: str) -> None:
    assert is_local(url) == (name == "file")


def test_only_this_machine_is_spoken_to_without_encryption() -> None:
    for host in ("127.0.0.1", "127.9.8.7:80", "localhost:8000", "[::1]:80"):
        load_source(f"http://{host}/x")
    for host in (
        "example.com", "127.0.0.1.example.com", "localhost.example.com", "0.0.0.0", "10.0.0.1",
        "[::ffff:127.0.0.1]", "[::]", "127.1", "2130706433", "0x7f000001", "localhost.",
        "localhost@example.com", "169.254.169.254", "[fe80::1]", "\uff11\uff12\uff17.0.0.1",
    ):  # fmt: skip
        with pytest.raises(SourceError, match="plain http to"):
            load_source(f"http://{host}/x")


def test_a_redirect_may_not_lead_to_a_file_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_store(tmp_path, monkeypatch)
    (tmp_path / "secret.pt").write_bytes(CONTENT)
    site = Site()
    with serve(site) as base:
        for target in ((tmp_path / "secret.pt").as_uri(), "hf://o/r/net.pt", "data:,x"):
            site.fail("/net.pt", faults.redirect(target))
            words = "not an address that a server may redirect to|For absolute URLs"
            with pytest.raises(SourceError, match=words):
                read(f"{base}/net.pt")


@pytest.mark.parametrize(
    "code",
    [
        "import yolokit, yolokit.cli.main, yolokit.runtime.predict, yolokit.train.run",
        "from yolokit.hub.ensure import pull_weights",
        f"import importlib\nfor n in {SOURCES!r}: importlib.import_module('{PACKAGE}.' + n)",
        "from yolokit.hub.source import load_source; load_source('https://host/x')",
        """
import contextlib, io, sys, yolokit.cli.main as main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main.main(["weights", "pull", "--help"])
assert not {"numpy", "rich"} & sys.modules.keys()
""",
    ],
)
def test_nothing_loads_the_transport_before_a_connection_is_made(code: str) -> None:
    code += "\nimport sys; print(sorted({'httpx', 'filelock', 'anyio'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "[]\n", done.stderr
