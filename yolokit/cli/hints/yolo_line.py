"""A line of ``yolo``, typed by habit, and what it is here: said, never run."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from yolokit.cli.hints.usage import COMMANDS, TASKS
from yolokit.core.plugins import list_plugins

_TRAINED = "yolokit.engine.tasks"

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.config import Config

_JOBS = ("train", "tune", "val", "predict", "export")
_TRAINING = ("train", "tune")
_OTHERS = ("track", "benchmark", "solutions")
_OFF = ("false", "none", "")
_SAYS_NOTHING = {("export", "format", "onnx"), ("predict", "save", "true")}
_SPECIAL: Mapping[tuple[str, str], Callable[[str], list[str]]] = MappingProxyType(
    {
        ("train", "resume"): lambda value: ["--resume"] * _is_on(value),
        ("train", "name"): lambda value: ["--name", value],
        ("tune", "name"): lambda value: ["--name", value],
        ("tune", "iterations"): lambda value: ["--trials", value],
        ("export", "dynamic"): lambda value: ["--dynamic", "all"] * _is_on(value),
        ("export", "half"): lambda value: ["--precision", "fp16"] * _is_on(value),
        ("export", "int8"): lambda value: ["--precision", "int8"] * _is_on(value),
        ("export", "nms"): lambda value: ["--embed", "nms"] * _is_on(value),
    }
)


def translate(arguments: Sequence[str], commands: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what is wrong with a line of ``yolo``, and what it is here; None for any other line.

    A line is one of ``yolo`` if it begins with a task, or with a mode and has ``key=value`` words
    that are not names of files.
    """
    pairs = dict(
        _split(word)
        for before, word in zip(["", *arguments], arguments, strict=False)
        if _is_pair(word) and not before.startswith("-")
    )
    words = [word for word in arguments if "=" not in word and not word.startswith("-")]
    task = words.pop(0) if words and words[0] in TASKS else pairs.pop("task", None)
    mode = words[0] if words and words[0] in (*_JOBS, *_OTHERS) else pairs.pop("mode", None)
    if mode is None or not (task or pairs or mode in pairs):
        return None
    problem = "this is a line of `yolo`; options are written --data FILE here, not data=FILE"
    if mode in _OTHERS:
        return problem, COMMANDS[mode]
    if mode not in _JOBS:
        return None
    line, notes = _Line(mode, commands[mode].load_config(), pairs).write()
    if mode in _TRAINING and task is not None and task not in list_plugins(_TRAINED):
        notes.insert(0, f"{task}: this version trains detectors of boxes")
    said = [f"here that is: {line}", *(f"  {note}" for note in notes)]
    return problem, "\n".join(said)


def _split(word: str) -> tuple[str, str]:
    key, _, value = word.partition("=")
    return key.strip().lower(), value.strip()


def _is_pair(word: str) -> bool:
    """Tell whether this is ``key=value`` and not the name of a file."""
    if "=" not in word or word.startswith("-") or Path(word).exists():
        return False
    return word.partition("=")[0].isidentifier()


class _Line:
    """One line of ours under construction."""

    def __init__(self, job: str, config: type[Config], pairs: Mapping[str, str]) -> None:
        self._job, self._config = job, config
        self._pairs = dict(pairs)
        self._arguments: list[str] = []
        self._options: list[str] = []
        self._notes: list[str] = []

    def write(self) -> tuple[str, list[str]]:
        """Return the line, and a note for each of the words that it leaves out."""
        self._place_model()
        if self._job == "predict" and "source" in self._pairs:
            self._arguments.append(self._pairs.pop("source"))
        for key, value in self._pairs.items():
            self._place(key, value)
        return shlex.join(["yolokit", self._job, *self._arguments, *self._options]), self._notes

    def _place_model(self) -> None:
        model = self._pairs.pop("model", None)
        if self._job not in _TRAINING:
            self._arguments.append(model or "MODEL")
            if model and model.endswith(".pt") and self._job in ("val", "predict"):
                self._notes.append(f"{model} is exported first: yolokit export {model}")
                self._arguments[-1] = f"{model[:-3]}.onnx"
            return
        if _is_on(self._pairs.get("resume")):
            return
        pretrained = self._pairs.pop("pretrained", "")
        if model and model.endswith((".yaml", ".yml")):
            start = pretrained if pretrained.endswith(".pt") else "none"
            self._options += ["--weights", _without_pt(start)]
            self._options += ["--init", "backbone"] * (start != "none")
            self._options += ["--arch", _without_suffix(model)]
        elif model:
            self._options += ["--weights", _without_pt(model)]

    def _place(self, key: str, value: str) -> None:
        """Put one word into its place, or say where it has gone."""
        if (self._job, key, value.lower()) in _SAYS_NOTHING:
            return
        special = _SPECIAL.get((self._job, key))
        if special is not None:
            self._options += special(value)
            return
        config = self._config
        foreign = config.find_foreign(key)
        flag = _find_flag(config, key)
        if foreign is not None:
            self._notes.append(f"{key} {foreign}")
        elif flag is not None:
            self._options += [flag, value]
        elif key in config.__struct_fields__:
            self._options += ["--set", f"{key}={value}"]
        else:
            self._notes.append(config.explain_unknown(key))


def _is_on(value: str | None) -> bool:
    return value is not None and value.lower() not in _OFF


def _find_flag(config: type[Config], key: str) -> str | None:
    """Return the option of a field, if it has one."""
    from yolokit.core.options import Argument, Option, list_options

    for one in list_options(config):
        option = one.option
        if (
            key in (one.name, one.former)
            and isinstance(option, Option)
            and not isinstance(option, Argument)
        ):
            return option.name_flag(one.name)
    return None


def _without_pt(model: str) -> str:
    """Return a model of the catalog by its name, and any other as it is."""
    return model.removesuffix(".pt") if "/" not in model and "\\" not in model else model


def _without_suffix(model: str) -> str:
    return Path(model).stem if "/" not in model and "\\" not in model else model
