"""What may be replaced: an earlier result of the same command, and nothing else.

One rule for every command with ``--overwrite``. What exists under the name of an output is
replaced if its content shows that the same command wrote it and it holds nothing else. Never
replaced is a folder that is, contains or lies in what the command reads; that is or contains the
working folder or the home folder; a link, whatever its target; or a mount point. Places are
compared as the file system knows them, not by their names, so that neither links nor upper and
lower case hide anything. An empty folder counts as nothing: there is nothing in it to lose.
"""

from __future__ import annotations

import fnmatch
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from yolokit.core.plural import counted
from yolokit.errors import OutputExistsError
from yolokit.files.regular_file import identity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# What systems put into folders by themselves.
_LITTER = re.compile(r"\.ds_store|thumbs\.db|desktop\.ini|\._.*")

_MOST_BYTES = 16 << 20

_Place: TypeAlias = tuple[int, int]


class Held(NamedTuple):
    """Some files of a folder that a command writes.

    Attributes:
        patterns: What one of them is called below the folder: patterns of ``fnmatch`` in lower
            case, in which ``*`` crosses folders; the first folder is named in full.
        most: How many there can be, or None.
        names: More names of them, in full and in lower case.
    """

    patterns: tuple[str, ...] = ()
    most: int | None = None
    names: frozenset[str] = frozenset()

    @property
    def tops(self) -> set[str]:
        """The folders at the top that they lie in."""
        return {name.split("/")[0] for name in (*self.patterns, *self.names) if "/" in name}

    def compile(self) -> Callable[[str], bool]:
        """Return a test of whether a name in lower case is one of theirs."""
        pattern = re.compile("|".join(map(fnmatch.translate, self.patterns)) or r"(?!)")
        return lambda name: name in self.names or pattern.match(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a command writes under one name, so that an earlier result is recognised.

    Attributes:
        command: What the command is called.
        recognise: Takes what is there; returns None if its content does not show that this
            command wrote it, else what a folder can hold.
        is_folder: Whether it is a folder, or one file.
        options: The options of the command that say where it goes, for hints.
    """

    command: str
    recognise: Callable[[Path], Sequence[Held] | None]
    is_folder: bool = True
    options: str = "--out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacing:
    """Which results a run may replace.

    Attributes:
        result: Earlier ones look like this.
        wanted: Whether the user asks for it, with ``--overwrite``.
        keep: Files and folders that the run reads.
    """

    result: Result
    wanted: bool
    keep: tuple[Path, ...] = ()


def check_output(path: Path, replacing: Replacing | None = None) -> None:
    """Refuse an output that exists and is not to be replaced, before any work is done.

    Raises:
        OutputExistsError: There is something that nobody asked to replace, or that may not
            be replaced. The hint has ``--overwrite`` only where that would be accepted.
    """
    if not os.path.lexists(path):
        return
    if replacing is None:
        if not _is_empty_folder(path):
            raise OutputExistsError(f"{path} already exists", hint="choose another name")
        return
    fault = _find_fault(path, replacing)
    hint = f"choose another {replacing.result.options}"
    is_nothing = replacing.result.is_folder and _is_empty_folder(path)
    if fault is not None and (replacing.wanted or is_nothing):
        raise OutputExistsError(f"{path} cannot be replaced: {fault}", hint=hint)
    if not (replacing.wanted or is_nothing):
        also = "" if fault is not None else ", or replace it with --overwrite"
        raise OutputExistsError(f"{path} already exists", hint=f"{hint}{also}")


def read_object(path: Path, *, is_jsonl: bool = False) -> dict[str, Any]:
    """Return the object of a JSON file, or of a JSONL file's first line; empty for others."""
    import msgspec

    if not path.is_file():
        return {}
    with path.open("rb") as stream:
        content = stream.readline(_MOST_BYTES) if is_jsonl else stream.read(_MOST_BYTES)
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def contains(folder: Path, path: Path) -> bool:
    """Tell whether a path is a folder or lies in it, directly or through links."""
    place = identity_of(folder)
    return place is not None and place in _places_above(path)


def _find_fault(path: Path, replacing: Replacing) -> str | None:
    """Say why what is there cannot be replaced, or None if it can."""
    result = replacing.result
    if path.is_symlink():
        return "it is a link"
    if not (path.is_dir() if result.is_folder else path.is_file()):
        return f"it is not a {'folder' if result.is_folder else 'file'}"
    if not result.is_folder:
        if any(identity_of(path) == identity_of(kept) for kept in replacing.keep):
            return "the command reads it"
        return _find_foreign(path, result)
    fault = _find_place_fault(path, replacing.keep)
    return fault or (None if _is_empty_folder(path) else _find_foreign(path, result))


def _find_place_fault(folder: Path, keep: Sequence[Path]) -> str | None:
    """Say why no result can take the place of a folder, whatever it holds."""
    if os.path.ismount(folder):
        return "it is a mount point; a folder in it can be made"
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - having no home folder is not an error
    for place, name in ((Path.cwd(), "working"), (home, "home")):
        if contains(folder, place):
            return f"it is the {name} folder, or contains it"
    for kept in _fewest(keep):
        if identity_of(kept) == identity_of(folder):
            return "the command reads it"
        if contains(folder, kept):
            return f"the command reads {kept}, which is in it"
        if kept.is_dir() and contains(kept, folder) and not _is_empty_folder(folder):
            return f"it lies in {kept}, which the command reads"
    return None


def _find_foreign(path: Path, result: Result) -> str | None:
    """Name what shows that something is not an earlier result, or is more than one."""
    held = result.recognise(path)
    if held is None:
        return f"it is not an earlier result of `{result.command}`"
    if not result.is_folder:
        return None
    tests = [one.compile() for one in held]
    tops = {top for one in held for top in one.tops}
    found: list[list[str]] = [[] for _ in held]
    for name in _list_entries(path):
        top, _, below = name.lower().partition("/")
        at = next((at for at, is_theirs in enumerate(tests) if is_theirs(name.lower())), None)
        if name.endswith("/") and top in tops:
            continue
        if at is None or (below and top not in tops):
            return f"it holds {name}, which `{result.command}` did not write"
        found[at].append(name)
    for one, names in zip(held, found, strict=True):
        if one.most is not None and len(names) > one.most:
            last = max(names, key=lambda name: (path / name).lstat().st_mtime)
            return (
                f"it holds {counted(len(names), 'file')} where `{result.command}` wrote "
                f"{one.most}; {last} is the latest"
            )
    return None


def _list_entries(folder: Path) -> Iterable[str]:
    """Yield all files, and folders at the top with ``/``; links are not followed."""
    for place, folders, names in os.walk(folder):
        where = Path(place).relative_to(folder)
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in (*names, *links):
            if not _LITTER.fullmatch(name.lower()):
                yield (where / name).as_posix()
        if where == Path():
            yield from (f"{name}/" for name in folders if name not in links)


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and all(_LITTER.fullmatch(one.name.lower()) for one in path.iterdir())


def _fewest(paths: Iterable[Path]) -> list[Path]:
    """Return all folders, and one file of each folder: the others lie beside it."""
    found: dict[Path, Path] = {}
    for path in paths:
        alone = path.is_symlink() or path.is_dir()
        found.setdefault(path if alone else path.parent, path)
    return list(found.values())


def _places_above(path: Path) -> set[_Place]:
    """Return a path and all folders above it, as the path is written and with links followed."""
    places: set[_Place] = set()
    starts = [Path(os.path.realpath(path))]
    if path.name not in ("", ".."):
        starts.append(Path(os.path.realpath(path.parent), path.name))
    for start in starts:
        for place in (start, *start.parents):
            found = identity_of(place)
            if found is not None:
                places.add(found)
    return places
