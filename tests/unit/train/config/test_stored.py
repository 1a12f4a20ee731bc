"""The config of a run can be given back, and means the same anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from yolokit.train.config.layers import resolve_options
from yolokit.train.config.stored import NAME, write_config


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        ({}, []),
        ({"preset": "small-data", "weights": "w.pt"}, ["lr=0.001", "optimizer=SGD"]),
        ({"preset": "long-tail", "device": "0,1", "batch": 8}, ["mosaic=0", "schedule=one-cycle"]),
        ({"allow": ("a-b",), "arch": 'it\'s # here: "x".yaml'}, ["validate=false", "box=0"]),
    ],
)
def test_a_round_trip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], settings: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.pt").write_bytes(b"")
    if "allow" in given:
        from yolokit.datasets.checks import allowable_codes

        given = given | {"allow": tuple(allowable_codes())[:2]}
    first = resolve_options({"data": "/d.yaml", **given}, settings=settings)
    write_config(first.config, "/d.yaml", first.origins, tmp_path)
    again = resolve_options({}, file=tmp_path / NAME).config
    weights = str(tmp_path / "w.pt") if "weights" in given else "none"
    idle = first.config.find_idle(msgspec.structs.asdict(first.config))
    kept = {name: getattr(again, name) for name in idle}
    assert again == msgspec.structs.replace(first.config, weights=weights, preset=None, **kept)


def test_each_line_says_who_said_so(tmp_path: Path) -> None:
    found = resolve_options({"data": "d", "preset": "fast", "epochs": 2}, settings=["mosaic=0.5"])
    write_config(found.config, "/d.yaml", found.origins, tmp_path)
    lines = (tmp_path / NAME).read_text("utf-8").splitlines()
    for line in ("epochs: 2  # command line", "mosaic: 0.5  # --set", "patience: 10  # preset fast",
                 "mixup: 0.0  # default"):  # fmt: skip
        assert line in lines
