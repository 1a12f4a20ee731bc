"""``yolokit help``: every option of every command, and what is near to a misspelled one."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from typer.main import get_command

from yolokit.cli.command import JobCommand
from yolokit.cli.hints.option_help import list_commands, list_option_help
from yolokit.cli.main import app, main
from yolokit.train.config.presets import FOLDER, NAMES

COMMANDS = dict(list_commands(get_command(app)))
JOBS = {words: one for words, one in COMMANDS.items() if isinstance(one, JobCommand)}


def ask(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    with pytest.raises(SystemExit) as caught:
        main(["help", *words])
    assert caught.value.code == code
    return capsys.readouterr()


@pytest.mark.parametrize("words", JOBS)
def test_every_field_of_a_config_is_explained(words: str) -> None:
    fields = msgspec.structs.fields(JOBS[words].load_config())
    names = {name for one in list_option_help(JOBS[words], words) for name in one.names}
    # `weights pull` makes a config for each name; `mend` is for `data fix` alone, and a training of
    # a search runs on one machine and without folds.
    not_in_a_search = {"nnodes", "rdzv", "folds", "fold_group"}
    elsewhere = {"name", "mend"} | (not_in_a_search if words == "tune" else set())
    assert {field.name for field in fields} - names <= elsewhere


@pytest.mark.parametrize("words", COMMANDS)
def test_each_is_explained_in_one_sentence_at_least(words: str) -> None:
    for one in list_option_help(COMMANDS[words], words):
        assert one.help[0].isupper(), one
        assert one.help.endswith("."), one
        assert "[default" not in one.help


def test_a_command_shows_what_only_a_file_takes(capsys: pytest.CaptureFixture[str]) -> None:
    shown = ask(capsys, "train").out
    options, others = shown.split("By --set KEY=VALUE, or in a file for --config, one a line:")
    assert "--imgsz PX  [32 to 8192; default: 640]" in options
    assert "mosaic: SHARE  [0 to 1; default: 1.0]" in others
    assert "optimizer: NAME  [auto, SGD, Adam, AdamW, NAdam, RAdam, MuSGD; default: auto]" in others
    assert "validate: true|false  [default: true]" in others


@pytest.mark.parametrize(
    "words",
    [("train", "mosaic"), ("train", "--mosaic"), ("mosaic",), ("MOSAIC",), ("--mosaic",)],
    ids=" ".join,
)
def test_an_option_is_explained(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    lines = ask(capsys, *words).out.splitlines()
    assert lines[0] == "mosaic: Share of training pictures that are put together from four images."
    assert "train --set mosaic=VALUE, or a line `mosaic: SHARE` in a file for" in lines[1]
    assert lines[2].split() == ["values", "0", "to", "1"]
    assert lines[3].split() == ["default", "1.0"]


@pytest.mark.parametrize("word", ["lr", "--lr", "lr0"])
def test_a_former_name_is_explained_under_todays(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(capsys, "train", word).out.startswith("lr: Learning rate to begin with; auto fits")


def test_presets_are_listed_with_what_they_set(capsys: pytest.CaptureFixture[str]) -> None:
    text = ask(capsys, "train", "preset").out
    for name in NAMES:
        assert f"\n  {name}: " in text
    assert "mixup 0.1" in text
    assert str(FOLDER) in text


def test_an_option_of_several_commands_is_explained_for_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = ask(capsys, "conf").out
    assert "yolokit val --conf SHARE" in shown
    assert "yolokit predict --conf SHARE" in shown


def test_commands_of_a_group_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Usage: yolokit data [OPTIONS] COMMAND" in ask(capsys, "data").out
    assert "Usage: yolokit [OPTIONS] COMMAND" in ask(capsys).out
    assert "--tile PX" in ask(capsys, "data", "convert", "tile").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "mosiac"], "unknown option of train 'mosiac': did you mean 'mosaic'?"),
        (["trian"], "unknown command or option 'trian': did you mean 'train'?"),
        (["train", "half"], "train has no option 'half': it is called precision here"),
        (["train", "mosaic", "lr"], "no command is called 'train mosaic'"),
        (["train", "xyzzy"], "unknown option of train 'xyzzy': `yolokit help train` lists all"),
        (["near-leaks"], "what `yolokit data check` calls pictures nearly the same in two splits"),
        (["xyzzy"], "unknown command or option 'xyzzy': `yolokit help` lists all"),
    ],
)
def test_what_is_unknown_leads_on(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = ask(capsys, *words, code=2)
    assert shown.out == ""
    assert said in shown.err


def test_json_has_a_line_for_each_option(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in ask(capsys, "--json").out.splitlines()]
    assert {row["command"] for row in rows} == set(COMMANDS) - {"weights where"}
    one = next(row for row in rows if (row["command"], row["name"]) == ("train", "mosaic"))
    assert (one["where"], one["values"], one["default"]) == ("--config FILE", "0 to 1", "1.0")
