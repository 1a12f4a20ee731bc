"""The part of a file that has arrived, kept so that another process can go on with it.

Beside the bytes is a note of where they came from. A part is continued only if its bytes
are known to belong to the same file: the source states the same validator, or the whole file's
hash is known and will be checked in the end.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

_READ_BYTES = 1 << 20


class Origin(msgspec.Struct, frozen=True):
    """Where a part came from, and what the source stated about the file's content, if anything.

    The address is empty where its bytes came from several.
    """

    url: str = ""
    validator: str | None = None


class Part:
    """A file that is not complete yet.

    Args:
        path: Where its bytes are; the note is beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._note = path.with_name(path.name + ".from")
        self._new_note = path.with_name(path.name + ".from.new")

    @property
    def size_bytes(self) -> int:
        """How much has arrived, 0 where nothing has."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def read_origin(self) -> Origin:
        """Return where it came from; nothing is known where the note is missing or damaged."""
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=Origin)
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            return Origin()

    def begin(self, origin: Origin) -> None:
        """Start over with bytes of another origin."""
        # In this order: a process that is killed in between leaves no bytes under a wrong note.
        self.path.write_bytes(b"")
        self.note(origin)

    def note(self, origin: Origin) -> None:
        """Replace the note of where it came from.

        It is renamed into place, but not forced to the disk: that can take as long as a download,
        and bytes that outlive their note are merely fetched again.
        """
        self._new_note.write_bytes(msgspec.json.encode(origin))
        self._new_note.replace(self._note)

    def hash_so_far(self) -> hashlib._Hash:
        """Return the running sha256 of what has arrived."""
        digest = hashlib.sha256()
        if self.size_bytes:
            with self.path.open("rb") as stream:
                while chunk := stream.read(_READ_BYTES):
                    digest.update(chunk)
        return digest

    def discard(self) -> None:
        """Remove the bytes and the note."""
        self.path.unlink(missing_ok=True)
        self.forget_origin()

    def forget_origin(self) -> None:
        """Remove the note alone, once the hash of the complete file is recorded elsewhere."""
        self._note.unlink(missing_ok=True)
        self._new_note.unlink(missing_ok=True)
