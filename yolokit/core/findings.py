"""What a check found, by a stable code, and whether a job may go on despite it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.plural import counted
from yolokit.core.suggest import describe_unknown
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


class Finding(msgspec.Struct, frozen=True):
    """Something that is surely wrong, unless the user knows better and says ``--allow CODE``.

    Attributes:
        code: Its stable name, lower case with dashes, such as ``no-labels``.
        message: One sentence: what was seen, with numbers.
        path: Where, or None.
        hint: How to fix it, or None.
        line: The line in the file, from 1, or None.
        index: The annotation's index in the file, from 0, where annotations are counted instead.
        image: The image that it is about, or None.
        row: The row of the table of labels that it is about, or None.
        score: How sure it is, in [0, 1], where that was reckoned; None else.
        xyxy_px: The box in the image that it is about, where that is not the row's; None else.
    """

    code: str
    message: str
    path: Path | None = None
    hint: str | None = None
    line: int | None = None
    index: int | None = None
    image: str | None = None
    row: int | None = None
    score: float | None = None
    xyxy_px: tuple[float, float, float, float] | None = None

    @classmethod
    def of_error(cls, code: str, error: DataError) -> Finding:
        """Return a finding that says what an error says."""
        path = None if error.path is None else Path(error.path)
        return cls(code, error.message, path, error.hint, error.line)

    def to_error(self) -> DataError:
        """Return an error that says the same."""
        return DataError(self.message, path=self.path, line=self.line, hint=self.hint)

    @property
    def place(self) -> str:
        """File and line, or file and annotation; an empty text without a path."""
        if self.path is None:
            return ""
        if self.index is not None:
            return f"{self.path}: annotation {self.index}"
        return f"{self.path}" if self.line is None else f"{self.path}:{self.line}"

    def __str__(self) -> str:
        return self.message if self.path is None else f"{self.place}: {self.message}"


def require_allowed(findings: Sequence[Finding], allow: Collection[str]) -> list[str]:
    """Return the sentences of what the user's codes allow, each a warning from here on.

    Raises:
        DataError: Anything is not allowed; all such findings are listed, with what allows them.
    """
    refused = [finding for finding in findings if finding.code not in allow]
    if not refused:
        return [f"{finding} (allowed: {finding.code})" for finding in findings]
    codes = sorted({finding.code for finding in refused})
    options = " ".join(f"--allow {code}" for code in codes)
    mend = [hint for hint in dict.fromkeys(finding.hint for finding in refused) if hint]
    hint = "; ".join([*mend, f"if it is right nevertheless: {options}"])
    if len(refused) == 1:
        raise DataError(refused[0].message, path=refused[0].path, hint=hint)
    lines = [f"  {finding}" for finding in refused]
    raise DataError(
        "\n".join([f"{counted(len(refused), 'thing')} cannot be right:", *lines]), hint=hint
    )


def find_unknown_codes(allow: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return one sentence for each code that no check of the command has."""
    names = list(known)
    unknown = [code for code in allow if code not in names]
    return [f"allow: {describe_unknown('code', code, names)}" for code in unknown]
