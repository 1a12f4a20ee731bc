"""A file of options is read as plain values, and one that is not such a file is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from yolokit.core.option_file import read_option_file
from yolokit.errors import ConfigError


def _write(folder: Path, content: str | bytes) -> Path:
    path = folder / "c.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_yaml_is_never_executed(tmp_path: Path) -> None:
    path = _write(tmp_path, "a: !!python/object/apply:os.system ['touch pwned']\n")
    with pytest.raises(ConfigError, match=r"c\.yaml:1"):
        read_option_file(path)
    assert not Path("pwned").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("- 1\n- 2\n", "must hold `option: value` lines, not a list"),
        ("a: [1\n", r"c\.yaml:2: "),
        ("1: 2\n", "an option has a name, not 1"),
        ("\0", r"c\.yaml: not valid YAML"),
        ("a: " + "[" * 5000, r"c\.yaml: not valid YAML"),
        ("a: 1\n# \xe9\n".encode("latin-1"), r"c\.yaml:2: is not text in UTF-8"),
        ("a: 1\nb: 2\na: 3\n", r"c\.yaml:3: a stands in line 1 already"),
        ("a: &a [*a]\n", "more than 10,000 values"),
        ("#" * (1 << 20) + "\n", "larger than 1 MiB"),
    ],
)
def test_what_is_not_a_file_of_options_is_refused(
    tmp_path: Path, content: str | bytes, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        read_option_file(_write(tmp_path, content))


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for before, name in zip("abcdefghijk", "bcdefghijkl", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]")
    with pytest.raises(ConfigError, match="more than 10,000 values"):
        read_option_file(_write(tmp_path, "\n".join(lines)))


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        read_option_file(tmp_path)
    with pytest.raises(ConfigError, match="No such file"):
        read_option_file(tmp_path / "none.yaml")


def test_a_pipe_may_bring_options(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"mosaic: 0.5\n")
    os.close(write_end)
    try:
        assert read_option_file(Path(f"/dev/fd/{read_end}")) == {"mosaic": 0.5}
    finally:
        os.close(read_end)


def test_a_file_without_options_is_an_empty_mapping(tmp_path: Path) -> None:
    assert read_option_file(_write(tmp_path, "# nothing\n")) == {}
    assert read_option_file(_write(tmp_path, "---\nnull\n")) == {}
