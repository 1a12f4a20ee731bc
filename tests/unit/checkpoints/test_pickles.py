"""What pickles ask for, read in linear time whatever they are made of."""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.checkpoints import pickles
from yolokit.checkpoints.pickles import (
    MAX_NAME,
    MAX_STEPS,
    Global,
    PickleLimitError,
    scan_pickles,
)


def names(content: bytes) -> set[str]:
    return {str(asked) for asked in scan_pickles(content).found}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_names_that_are_written_once_and_recalled(protocol: int) -> None:
    """Two classes of one module: the second time protocol 4 recalls the module's name."""
    content: list[object] = [OrderedDict(), Counter(), deque()]
    found = names(pickle.dumps(content, protocol))
    assert found == {"collections.OrderedDict", "collections.Counter", "collections.deque"}


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_pickle_is_no_crash(position: int, value: int) -> None:
    content = bytearray(pickle.dumps([OrderedDict(a=1), Counter("abc"), deque("xyz")] * 9))
    content[position % len(content)] = value
    scan_pickles(bytes(content))


@given(st.binary(max_size=400))
def test_noise_is_no_crash(content: bytes) -> None:
    scan_pickles(content)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_every_pickle_protocol(protocol: int) -> None:
    assert "collections.OrderedDict" in names(pickle.dumps(OrderedDict(), protocol))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"cos\nsystem\n.", {"os.system"}),
        (b"(S'x'\nios\nsystem\n.", {"os.system"}),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", {"os.system"}),
        (b"\x80\x04\x8c\x05torch\x8c\x06Tensor0\x93.", {"Tensor.?"}),  # the stack is not followed
        (b"\x80\x04\x8c\x02os\x8c\x06systemK\x01K\x020\x300\x93.", {"?.?"}),
        (b"\x80\x04NN\x93.", {"?.?"}),
        (b"\x80\x02\x82\x07.", {"copyreg.extension 7"}),
        (b"\x80\x02\x83\x07\x01.", {"copyreg.extension 263"}),
        (b"\x80\x02\x84\x07\x01\x01\x01.", {"copyreg.extension 16843015"}),
        (b"\x80\x04h\x05h\x06\x93.", {"?.?"}),  # recalled, but never written
    ],
)
def test_every_way_to_ask(content: bytes, found: set[str]) -> None:
    assert names(content) == found


def test_several_pickles_in_a_row_are_all_read() -> None:
    values: list[object] = [1, OrderedDict(), deque()]
    content = b"".join(map(pickle.dumps, values)) + b"tensors"
    assert scan_pickles(content, pickles=3).found == {
        Global("collections", "OrderedDict"),
        Global("collections", "deque"),
    }
    assert scan_pickles(content, pickles=2).found == {Global("collections", "OrderedDict")}


def long_integer(size: int) -> bytes:
    """Return a number whose decimal digits take quadratic time to make."""
    return b"\x8b" + (1780).to_bytes(4, "little") + b"\x7f" * 1780 + b"\x94" + b"h\0h\0\x93" * size


def long_text(size: int) -> bytes:
    """Return one long text that is recalled as a name again and again."""
    return b"X" + size.to_bytes(4, "little") + b"a" * size + b"\x94" + b"h\0h\0\x93" * size


def long_bytes(size: int) -> bytes:
    return b"B" + size.to_bytes(4, "little") + bytes(size) + b"\x94" + b"h\0h\0\x93" * size


def memo(size: int) -> bytes:
    return b"N" + b"\x94" * size + b"".join(b"j" + i.to_bytes(4, "little") for i in range(size))


def marks(size: int) -> bytes:
    return b"(" * size + b"t" * size


def duplicates(size: int) -> bytes:
    return b"]" + b"2" * size + b"a" * size


SHAPES = (long_integer, long_text, long_bytes, memo, marks, duplicates)


@pytest.mark.parametrize("make", SHAPES)
def test_work_is_linear(make: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is counted, not timed: no opcode costs more than one step, whatever came before it."""
    content = b"\x80\x04" + make(4_000) + b"."
    monkeypatch.setattr(pickles, "MAX_STEPS", len(content))
    scan = scan_pickles(content)
    assert len(scan.found) <= 1
    assert all(len(str(asked)) <= 2 * MAX_NAME + 7 for asked in scan.found)


def test_a_long_text_is_cut_however_often_it_is_recalled() -> None:
    found = scan_pickles(b"\x80\x04" + long_text(60_000) + b".").found
    assert {len(asked.module) for asked in found} == {MAX_NAME + 3}


def test_a_length_that_is_a_lie_is_not_believed() -> None:
    for opcode in (b"\x8d", b"\x8e", b"\x96"):  # BINUNICODE8, BINBYTES8, BYTEARRAY8
        scan = scan_pickles(b"\x80\x05cos\nsystem\n" + opcode + b"\xff" * 7 + b"\x7fabc")
        assert scan.found == {Global("os", "system")}
        assert scan.damage is not None
    assert scan_pickles(b"\x80\x05\x8b\xff\xff\xff\x7f.").damage is not None


def test_too_many_steps_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_STEPS", 1000)
    scan_pickles(b"(" * 999 + b".")
    with pytest.raises(PickleLimitError, match="more than 1,000 steps"):
        scan_pickles(b"(" * 1000 + b".")
    assert MAX_STEPS < 10_000_000
