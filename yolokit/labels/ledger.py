"""The account of every source annotation: nothing is lost without a line that says so.

An annotation is kept, clipped, reinterpreted, dropped or excluded. Kept ones are counted, each
other one is an entry. Notes are entries about something else than one annotation (a missing
background image, a size that disagrees); they are listed and do not enter the totals.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec

from yolokit.core.findings import Finding
from yolokit.errors import DataError
from yolokit.files.spell import encode_json, spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from yolokit.labels.max_drop import MaxDrop
    from yolokit.labels.model import LabelledImage, SourceFile

Action: TypeAlias = Literal["clipped", "reinterpreted", "dropped", "excluded", "noted"]

OUTLINES_ASIDE = (
    "outline-aside",
    "annotations have an outline beside their box, left aside (--task segment or obb takes it)",
)
KEYPOINTS_ASIDE = (
    "keypoints-aside",
    "annotations have keypoints, left aside (--task pose takes them)",
)
"""Codes and messages of what a task leaves aside of annotations."""

_LISTED = 20


def join_errors(errors: Sequence[DataError], what: str, *, hint: str | None = None) -> DataError:
    """Return one error for several, the first of them listed with their places.

    A single one is returned as it is; ``what`` they are ends ``7 ...``.
    """
    if len(errors) == 1:
        return errors[0]
    lines = [f"  {error}" for error in errors[:_LISTED]]
    if len(errors) > _LISTED:
        lines.append(f"  ... and {len(errors) - _LISTED} more")
    return DataError("\n".join([f"{len(errors)} {what}:", *lines]), hint=hint)


class LedgerEntry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One annotation that was not simply kept, or one note.

    Attributes:
        line: In the annotation file, from 1, where lines are counted.
        index: The annotation's index, from 0, where annotations are counted instead.
        image: The image that is left out with it, as the source names it, if one is.
        code: The reason as a fixed word, such as ``box-outside-image``.
        message: The reason for a person.
    """

    path: str
    line: int | None
    action: Action
    code: str
    message: str
    index: int | None = None
    image: str | None = None

    @property
    def place(self) -> str:
        """File and line, or file and index."""
        if self.line is not None:
            return f"{self.path}:{self.line}"
        return f"{self.path}: annotation {self.index}" if self.index is not None else self.path


class LedgerTotals(msgspec.Struct, frozen=True):
    """Counts of annotations: ``annotations_in`` is the sum of those that follow it."""

    annotations_in: int
    kept: int
    clipped: int
    reinterpreted: int
    dropped: int
    excluded: int
    notes: int

    @property
    def dropped_share(self) -> float:
        """Dropped ones over all that the format's rules do not exclude, in [0, 1]."""
        taken_in = self.annotations_in - self.excluded
        return self.dropped / taken_in if taken_in else 0.0


class LedgerMark(NamedTuple):
    """How much a ledger held at some time."""

    entries: int
    findings: int
    counts: Counter[str]


class Ledger:
    """Collects entries and counts while a data set is read.

    A reader states with :meth:`see` how many annotations it found, before their outcome is
    known. That this number equals the sum of all outcomes is checked at the end.
    """

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        self._counts: Counter[str] = Counter()
        self._aliases: list[tuple[str, str]] = []
        self.findings: list[Finding] = []

    def see(self, count: int) -> None:
        """Count annotations found in the source."""
        self._counts["in"] += count

    def keep(self, count: int) -> None:
        """Count annotations that go through unchanged."""
        self._counts["kept"] += count

    def record(
        self,
        source: SourceFile,
        place: int | None,
        action: Action,
        code: str,
        message: str,
        image: str | None = None,
    ) -> None:
        """Enter one annotation, or one note, with its place in the source."""
        by_line = source.counts == "line"
        self._counts[action] += 1
        self.entries.append(
            LedgerEntry(
                self.shown(source.path),
                place if by_line else None,
                action,
                code,
                self.shown(message),
                None if by_line else place,
                None if image is None else self.shown(image),
            )
        )

    def record_all(
        self,
        source: SourceFile,
        places: Iterable[int],
        action: Action,
        code: str,
        message: str,
        image: str | None = None,
    ) -> None:
        """Enter all annotations of an image that goes, or a note where it has none."""
        listed = list(places)
        for place in listed:
            self.record(source, place, action, code, message, image)
        if not listed:
            self.record(source, None, "noted", code, message, image)

    def exclude(
        self, labelled: LabelledImage, code: str, messages: Mapping[int, str]
    ) -> LabelledImage:
        """Leave out annotations of an image, by row and reason, and return it without them."""
        image, annotations = labelled.image, labelled.annotations
        if not messages:
            return labelled
        for row, message in sorted(messages.items()):
            place = int(annotations.places[row])
            self.record(image.source, place, "excluded", code, message)
        return msgspec.structs.replace(labelled, annotations=annotations.without(messages))

    def lose_image(
        self, source: SourceFile, places: Iterable[int], code: str, message: str, image: str
    ) -> None:
        """Drop an image that is not there or cannot be read, with its annotations."""
        self.record_all(source, places, "dropped", code, message, image)

    def lost_images(self) -> list[LedgerEntry]:
        """Return the first entry of each image that was lost."""
        found: dict[tuple[str, str], LedgerEntry] = {}
        for entry in self.entries:
            if entry.image is not None and entry.action != "excluded":
                found.setdefault((entry.path, entry.image), entry)
        return list(found.values())

    def note(self, source: SourceFile, place: int | None, code: str, message: str) -> None:
        """Enter something that is not about one annotation."""
        self.record(source, place, "noted", code, message)

    def note_aside(self, source: SourceFile, aside: Mapping[tuple[str, str], int]) -> None:
        """Enter once for a file how many annotations have something that is left aside."""
        for (code, message), count in sorted(aside.items()):
            if count:
                self.note(source, None, code, f"{count} {message}")

    def doubt(self, code: str, message: str, path: str, hint: str | None = None) -> None:
        """Enter something that cannot be right, unless the user allows its code."""
        shown = Path(self.shown(path))
        hint = None if hint is None else self.shown(hint)
        self.findings.append(Finding(code, self.shown(message), shown, hint))

    def show_as(self, folder: str, name: str) -> None:
        """Show places below a folder, where something was unpacked for a while, as below a name."""
        self._aliases.append((folder, name))

    def shown(self, text: str) -> str:
        """Return a text with such folders replaced by their names."""
        for folder, name in self._aliases:
            text = text.replace(folder, name)
        return spell(text)

    def mark(self) -> LedgerMark:
        """Return a point that :meth:`rewind` can go back to."""
        return LedgerMark(len(self.entries), len(self.findings), self._counts.copy())

    def rewind(self, mark: LedgerMark) -> None:
        """Forget what was entered since ``mark``: another pass will enter it again."""
        del self.entries[mark.entries :]
        del self.findings[mark.findings :]
        self._counts = mark.counts.copy()

    @property
    def totals(self) -> LedgerTotals:
        """The counts so far."""
        counts = self._counts
        return LedgerTotals(
            annotations_in=counts["in"],
            kept=counts["kept"],
            clipped=counts["clipped"],
            reinterpreted=counts["reinterpreted"],
            dropped=counts["dropped"],
            excluded=counts["excluded"],
            notes=counts["noted"],
        )

    def close(self, max_drop: MaxDrop) -> LedgerTotals:
        """Check that the account balances and that not too much was dropped.

        Raises:
            DataError: More was dropped than ``max_drop`` allows.
        """
        totals = self.totals
        outcomes = totals.kept + totals.clipped + totals.reinterpreted
        outcomes += totals.dropped + totals.excluded
        assert outcomes == totals.annotations_in, f"the ledger does not balance: {totals}"
        max_drop.require(totals, self.entries)
        return totals

    def codes(self) -> dict[str, int]:
        """Return how often each reason occurs, as ``action: code``, most frequent first."""
        found = Counter(f"{entry.action}: {entry.code}" for entry in self.entries)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def examples(self) -> dict[str, str]:
        """Return the first message of each reason, by the keys of :meth:`codes`."""
        found: dict[str, str] = {}
        for entry in self.entries:
            found.setdefault(f"{entry.action}: {entry.code}", self.shown(entry.message))
        return found

    def write(self, path: Path, summary: dict[str, object]) -> None:
        """Write the account: one line with ``summary``, the totals and codes, then the entries."""
        head = {**summary, "totals": msgspec.to_builtins(self.totals), "codes": self.codes()}
        with path.open("wb") as stream:
            stream.write(encode_json(head) + b"\n")
            for entry in self.entries:
                stream.write(encode_json(entry) + b"\n")
