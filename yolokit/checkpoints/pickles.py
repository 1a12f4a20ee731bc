"""What a pickle asks for, read off its opcodes in linear time; nothing in it is loaded or run.

The engine loads with weights only, whatever is found here. What this is for: a checkpoint of
another tool is named before torch starts, and ``--trust`` is never offered for what looks like an
attack.
"""

from __future__ import annotations

import io
import pickletools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PICKLE_BYTES = 16 << 20  # a checkpoint's pickle has no tensors in it: some hundred kB
MAX_STEPS = 4_000_000  # a large model with its optimizer has some hundred thousand
MAX_NAME = 200
_UNKNOWN = "?"
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_EXTENSIONS = frozenset({"EXT1", "EXT2", "EXT4"})


class Global(NamedTuple):
    """A class or function that a pickle names; ``?`` is what its opcodes do not say."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class PickleScan(NamedTuple):
    """What pickles ask for.

    Attributes:
        found: The classes and functions that they name.
        damage: What is wrong where reading had to stop, or None.
    """

    found: frozenset[Global]
    damage: str | None


class PickleLimitError(ValueError):
    """A file would take more work to look at than any checkpoint does."""


def scan_pickles(content: bytes, *, pickles: int = 1) -> PickleScan:
    """Find all classes and functions that pickles ask for, running none.

    Args:
        content: Pickles one after another; what follows them is left alone.
        pickles: How many there are.

    Returns:
        What was found up to the end, or up to where they are damaged.

    Raises:
        PickleLimitError: They have more opcodes than any checkpoint.
    Source: the opcodes GLOBAL, INST, STACK_GLOBAL and EXT of Python's pickle protocol.
    """
    found: set[Global] = set()
    damage = None
    memo: dict[object, str] = {}
    below = top = _UNKNOWN  # what the newest opcodes left on the stack
    try:
        for name, argument in _read_opcodes(content, pickles):
            if name in _PUTS:
                memo[len(memo) if argument is None else argument] = top
                continue
            asked = _find_global(name, argument, below, top)
            if asked is not None:
                found.add(asked)
            elif name == "STOP":  # the next pickle remembers nothing of this one
                memo.clear()
            text = argument if isinstance(argument, str) else _UNKNOWN
            below, top = top, memo.get(argument, _UNKNOWN) if name in _GETS else text
    except PickleLimitError:
        raise
    except ValueError as error:
        damage = str(error)
    return PickleScan(frozenset(found), damage)


def _read_opcodes(content: bytes, pickles: int) -> Iterator[tuple[str, object]]:
    stream, steps = io.BytesIO(content), 0
    for _ in range(pickles):
        for opcode, argument, _position in pickletools.genops(stream):
            steps += 1
            if steps > MAX_STEPS:
                raise PickleLimitError(f"its pickle has more than {MAX_STEPS:,} steps")
            yield opcode.name, argument


def _find_global(opcode: str, argument: object, below: str, top: str) -> Global | None:
    if opcode in ("GLOBAL", "INST"):
        module, _, name = str(argument).partition(" ")
        return Global(_clip(module), _clip(name))
    if opcode == "STACK_GLOBAL":
        return Global(_clip(below), _clip(top))
    return Global("copyreg", f"extension {argument}") if opcode in _EXTENSIONS else None


def _clip(text: str) -> str:
    """Cut a name that is too long: a few bytes can recall it any number of times."""
    return text if len(text) <= MAX_NAME else f"{text[:MAX_NAME]}..."
