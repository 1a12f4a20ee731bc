"""Words of other trainers on the command line of ``train``."""

from __future__ import annotations

import pytest

from yolokit.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--val"], "val is called validate here"),
        (["--rect"], "rect is not offered"),
        (["--batch-size", "8"], "batch_size is called batch here"),
        (["--cos-lr"], "cos_lr is `schedule: cosine` here"),
        (
            ["--nbs", "16"],
            "nbs has no option of its own: write --set nbs=VALUE (`yolokit help train nbs`)",
        ),
        (["data=d.yaml"], "here that is: yolokit train --data"),
    ],
)
def test_an_option_of_another_trainer_is_explained(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["train", *arguments])
    assert caught.value.code == 2
    assert f"hint: {hint}" in capsys.readouterr().err


def test_nothing_is_guessed_about_what_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--xyzzy"])
    assert "hint" not in capsys.readouterr().err
