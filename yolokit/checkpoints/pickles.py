"""What a pickle asks for, read off its opcodes in linear time; nothing in it is loaded or run."""

from __future__ import annotations

import io
import pickletools
from typing import NamedTuple

MAX_PICKLE_BYTES = 16 << 20  # a checkpoint's pickle has no tensors in it: some hundred kB
MAX_STEPS = 4_000_000  # a large model with its optimizer has some hundred thousand
MAX_GLOBALS = 5_000  # it names some dozens
MAX_NAME = 200
_UNKNOWN = "?"
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_EXTENSIONS = frozenset({"EXT1", "EXT2", "EXT4"})


class Global(NamedTuple):
    """A class or function that a pickle names; ``?`` is what its opcodes do not say."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class PickleLimitError(ValueError):
    """A file would take more work to look at than any checkpoint does."""


class PickleScan:
    """Reads pickles opcode by opcode, each at a cost that does not depend on the ones before it.

    Attributes:
        found: The classes and functions that were named so far.
        steps: How many opcodes were read.
        value: The text after the first name that is ``wanted``, or None.
        kept_characters: How much text is held for opcodes to come; names longer than
            ``MAX_NAME`` are cut, since a few bytes can recall them any number of times.
        damage: What is wrong where ``scan_pickles`` had to stop, or None.

    Args:
        wanted: Name whose value is looked for, or None.

    Source: the opcodes GLOBAL, INST, STACK_GLOBAL and EXT of Python's pickle protocol.
    """

    def __init__(self, wanted: str | None = None) -> None:
        self.found: set[Global] = set()
        self.value: str | None = None
        self._wanted = wanted
        self.steps = 0
        self.kept_characters = 0
        self.damage: str | None = None

    def read(self, stream: io.BytesIO) -> None:
        """Read one pickle, up to its end.

        Raises:
            PickleLimitError: It has more opcodes, or names more, than any checkpoint.
            ValueError: It is damaged; what it named before is kept.
        """
        below = top = _UNKNOWN  # what the newest opcodes left on the stack
        memo: dict[object, str] = {}
        for opcode, argument, _position in pickletools.genops(stream):
            self._count_step()
            name = opcode.name
            if name == "MEMOIZE":
                memo[len(memo)] = top
            elif name in _PUTS:
                memo[argument] = top
            else:
                if name in ("GLOBAL", "INST"):
                    self._add(*_split(argument))
                elif name == "STACK_GLOBAL":
                    self._add(below, top)
                elif name in _EXTENSIONS:
                    self._add("copyreg", f"extension {argument}")
                elif top == self._wanted and self.value is None and isinstance(argument, str):
                    self.value = argument
                recalled = memo.get(argument, _UNKNOWN) if name in _GETS else self._keep(argument)
                below, top = top, recalled

    def _count_step(self) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise PickleLimitError(f"its pickle has more than {MAX_STEPS:,} steps")

    def _add(self, module: str, name: str) -> None:
        self.found.add(Global(module, name))
        if len(self.found) > MAX_GLOBALS:
            raise PickleLimitError(f"its pickle names more than {MAX_GLOBALS:,} classes")

    def _keep(self, argument: object) -> str:
        """Return a text that may become a name; whatever else an opcode carries cannot."""
        if not isinstance(argument, str):
            return _UNKNOWN
        kept = _clip(argument)
        self.kept_characters += len(kept)
        return kept


def scan_pickles(content: bytes, *, pickles: int = 1, wanted: str | None = None) -> PickleScan:
    """Find all classes and functions that pickles ask for, running none.

    Args:
        content: Pickles one after another; what follows them is left alone.
        pickles: How many there are.
        wanted: Name whose value is looked for: a key of a dict or an attribute of an object.

    Returns:
        What was found up to the end, or up to where they are damaged.

    Raises:
        PickleLimitError: They are not a checkpoint's, by their size alone.
    """
    scan, stream = PickleScan(wanted), io.BytesIO(content)
    try:
        for _ in range(pickles):
            scan.read(stream)
    except PickleLimitError:
        raise
    except ValueError as error:
        scan.damage = str(error)
    return scan


def _split(argument: object) -> tuple[str, str]:
    module, _, name = str(argument).partition(" ")
    return _clip(module), _clip(name)


def _clip(text: str) -> str:
    return text if len(text) <= MAX_NAME else text[:MAX_NAME] + "..."
