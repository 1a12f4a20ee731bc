"""Breaks the files of a data set at random, in the ways that disks, tools and attackers do."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

Mutation: TypeAlias = Callable[[bytes, Random], bytes]

NUMBERS = (
    "NaN", "nan", "inf", "-Infinity", "1e308", "-1e308", "1e999", "-1", "0", "-0.0", "1e-320", "",
    "9999999999999999999999", "2147483648", "4294967295", "9223372036854775807", "0x10", "1_000",
    "1,5", "٣", "null", "1" * 400, "1" * 5000, "1e", "0.5.5", "--1", " ", "true",
)  # fmt: skip
NAMES = (
    "../secret.jpg", "../../secret.jpg", "/etc/passwd", "C:\\secret.jpg", "..\\..\\secret.jpg",
    "a/../../../secret.jpg", "file:///etc/passwd", "a\x00.jpg", "a\nb.jpg", "\x1b[2J.jpg",
    "x" * 300 + ".jpg", "x/" * 2000 + "a.jpg", "", ".", "..", "/", "a.jpg/", "CON.jpg", "a.jpg\r",
    "\u202egpj.exe", "é" * 130 + ".jpg", " ", "a?b*.jpg", "~/a.jpg", "$HOME.jpg", "%2e%2e%2fa.jpg",
    "s3://bucket/../../secret.jpg", "\ud800.jpg", "\u2028.jpg", "a.jpg#x", "-rf.jpg", "a.exe",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, [], {}, "", "x", -1, 0, 1e308, -1e308, 1 << 70, 1 << 63, 1 << 31, True, [[]], [{}],
    {"x": 1}, [None], "NaN", float("nan"), float("inf"), 1e-320, [1, 2], [[1, 2]], "\ud800", "1",
    [0] * 50, "\x00", "cat\ndog", 0.5,
)  # fmt: skip

_NUMBER = re.compile(rb"-?\d+\.?\d*")
_IMAGE_NAME = re.compile(rb"[\w ./-]+\.(?:jpg|png)")
_ENTITIES = (
    b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>',
    b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
)


def mutate(content: bytes, rng: Random) -> bytes:
    """Break the content of one file, once or a few times."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = rng.choice(_CHOICES)(content, rng)
    return content


def _flip(data: bytes, rng: Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 5, 50))):
        if out:
            out[rng.randrange(len(out))] = rng.randrange(256)
    return bytes(out)


def _span(data: bytes, rng: Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 4, 40, 400)))


def _remove(data: bytes, rng: Random) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _repeat(data: bytes, rng: Random) -> bytes:
    start, end = _span(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 2, 100)) + data[end:]


def _insert(data: bytes, rng: Random) -> bytes:
    start, _ = _span(data, rng)
    what = rng.choice(
        (b"\x00", b"\xff", b'"', b"'", b"<", b"&", b"{", b"[", b",", b"\n", b"\r", b"\t", b"-",
         b"&#0;", b"&lol;", b"<![CDATA[", b"\xed\xa0\x80", rng.randbytes(16), b"[" * 3000,
         b"<a>" * 300)
    )  # fmt: skip
    return data[:start] + what + data[start:]


def _truncate(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _number(data: bytes, rng: Random) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    chosen = found if rng.random() < 0.1 else [rng.choice(found)]
    new = rng.choice(NUMBERS).encode()
    for match in reversed(chosen):
        data = data[: match.start()] + new + data[match.end() :]
    return data


def _name(data: bytes, rng: Random) -> bytes:
    found = list(_IMAGE_NAME.finditer(data))
    if not found:
        return data
    match, name = rng.choice(found), rng.choice(NAMES)
    if data.lstrip()[:1] in (b"{", b"["):
        new = json.dumps(name)[1:-1].encode()
    else:
        new = name.encode("utf-8", "surrogatepass")
    return data[: match.start()] + new + data[match.end() :]


def _lines(data: bytes, rng: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 2:
        lines[at:at] = [lines[other]] * rng.choice((1, 30))
    elif kind == 3:
        lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
    else:
        return b"".join(lines).replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\x0b", b" ")))
    return b"".join(lines)


def _encoding(data: bytes, rng: Random) -> bytes:
    text = data.decode("latin-1")
    kind = rng.randrange(6)
    if kind == 0:
        return text.encode("utf-16")
    if kind == 1:
        return text.encode("utf-16-le")
    if kind == 2:
        return b"\xef\xbb\xbf" + data
    if kind == 3:
        return data.replace(b"cat", "câtégorie".encode("latin-1"))
    if kind == 4:
        return text.encode("utf-32")
    return data.replace(b"a", "\uff41\u0301".encode())


def _doctype(data: bytes, rng: Random) -> bytes:
    at = data.find(b"?>") + 2 if data.startswith(b"<?xml") else 0
    return data[:at] + rng.choice(_ENTITIES) + data[at:].replace(b"cat", b"&e;&b;", 1)


def _word(data: bytes, rng: Random) -> bytes:
    """Rename a word everywhere, such as a tag, a key or a column."""
    words = sorted(set(re.findall(rb"[A-Za-z_]{2,}", data)))
    if not words:
        return data
    new = rng.choice((b"", b"x", rng.choice(words), b"\xc3\xa9", b"=1+1"))
    return data.replace(rng.choice(words), new, rng.choice((1, -1)))


def _tree(data: bytes, rng: Random) -> bytes:
    """Change a value of a JSON tree, of one line of it where each line is a tree."""
    try:
        tree = json.loads(data)
    except RecursionError:  # a former mutation nested it deeper than Python reads
        return _number(data, rng)
    except ValueError:
        lines = data.splitlines(keepends=True)
        if not lines or not lines[0].startswith(b"{"):
            return _number(data, rng)
        at = rng.randrange(len(lines))
        try:
            tree = json.loads(lines[at])
        except (ValueError, RecursionError):
            return _flip(data, rng)
        lines[at] = json.dumps(_change_tree(tree, rng)).encode() + b"\n"
        return b"".join(lines)
    return json.dumps(_change_tree(tree, rng)).encode()


def _change_tree(tree: Any, rng: Random) -> Any:
    tree = copy.deepcopy(tree)
    spots = list(_spots(tree))
    if not spots:
        return rng.choice(VALUES)
    for _ in range(rng.choice((1, 1, 2, 5))):
        parent, key = rng.choice(spots)
        other, other_key = rng.choice(spots)
        if not _has(parent, key) or not _has(other, other_key):
            continue
        kind = rng.randrange(9)
        if kind == 0:
            del parent[key]
        elif kind == 1:
            parent[key] = copy.deepcopy(other[other_key])
        elif kind == 2:
            parent[key] = [parent[key]] * rng.choice((1, 2, 40))
        elif kind == 3:
            parent[key] = {"x": parent[key]}
        elif kind == 4:
            parent[key] = str(parent[key])
        elif kind == 5 and isinstance(parent, dict):
            parent[rng.choice(("x", "", "id", "name", "\ud800"))] = parent.pop(key)
        elif kind == 6:
            parent[key] = rng.choice(NAMES)
        else:
            parent[key] = copy.deepcopy(rng.choice(VALUES))
    return tree


def _spots(tree: Any) -> list[tuple[Any, Any]]:
    """Return where each value of a tree stands: the dict or list, and the key."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (dict, list)):
            keys = list(node) if isinstance(node, dict) else range(len(node))
            found += [(node, key) for key in keys]
            waiting += [node[key] for key in keys]
    return found


def _has(parent: Any, key: Any) -> bool:
    return key in parent if isinstance(parent, dict) else key < len(parent)


_CHOICES: tuple[Mutation, ...] = (
    *[_flip, _remove, _repeat, _insert, _truncate, _lines, _encoding, _doctype, _word],
    *[_number] * 4,
    *[_name] * 2,
    *[_tree] * 8,
)
