"""JSON text by its brackets, without parsing it: for what nests too deeply to be parsed, or is JSON in part only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HEAD = 6
"""Levels in which everything stands that a resource says of itself: its id, subject, status, labels."""

_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_SPACE = b" \t\r\n"
_KEY, _KEY_ROOM = b'"resource"', 1024


def end(text: bytes) -> int | None:
    """Where the first bracket's counterpart ends; None when it is not there."""
    step, depth = _depths(text)
    closing = ((step < 0) & (depth == 0)).argmax() if len(depth) else 0
    return int(closing) + 1 if len(depth) and depth[closing] == 0 and step[closing] < 0 else None


def hollow(page: bytes) -> tuple[bytes, list[bytes]]:
    """Cut each object that is the `resource` of an entry out of a Bundle, leaving {"#": its number}."""
    return _cut(page, 3, resources=True)


def filling(hole: object, resources: list[bytes]) -> bytes | None:
    """What was cut out where this is in the parsed Bundle now; None when nothing was."""
    number = hole.get("#") if isinstance(hole, dict) else None
    return resources[number] if isinstance(number, int) and 0 <= number < len(resources) else None


def outline(text: bytes, levels: int = HEAD) -> bytes:
    """The text without what nests deeper, {"#": a number} in its place. Empty when its brackets do not close."""
    return _cut(text, levels, resources=False)[0]


def _cut(text: bytes, level: int, *, resources: bool) -> tuple[bytes, list[bytes]]:
    """What is left, and the objects and lists cut out that open at this level (or only the `resource` objects)."""
    step, depth = _depths(text)
    if not len(depth) or depth[-1] != 0:
        return b"", []
    opening = ((step > 0) & (depth == level + 1)).nonzero()[0]
    closing = ((step < 0) & (depth == level)).nonzero()[0]
    frame: list[bytes] = []
    pieces: list[bytes] = []
    kept = 0
    for start, last in zip(opening.tolist(), closing.tolist(), strict=False):
        if not resources or _is_resource(text, start):
            frame.append(text[kept:start] + b'{"#":%d}' % len(pieces))
            pieces.append(text[start : last + 1])
            kept = last + 1
    frame.append(text[kept:])
    return b"".join(frame), pieces


def _is_resource(text: bytes, start: int) -> bool:
    """Does an object open here, and is `resource` the key before it?"""
    key = text[max(0, start - _KEY_ROOM) : start].rstrip(_SPACE).removesuffix(b":").rstrip(_SPACE)
    return text.startswith(b"{", start) and key.endswith(_KEY) and not key.endswith(b"\\" + _KEY)


def _depths(text: bytes) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """[bytes] 1 where a bracket opens, -1 where one closes, those in strings left out; and how many are open then.

    All at once: a page of nothing but brackets takes no longer than any other of its size.
    """
    import numpy as np  # not at the top: nearly every page is read without

    data = np.frombuffer(_ESCAPED.sub(b"  ", text) if b"\\" in text else text, np.uint8)
    outside = ~np.logical_xor.accumulate(data == ord('"'))
    step = (((data == ord("{")) | (data == ord("["))) & outside).astype(np.int8)
    step[((data == ord("}")) | (data == ord("]"))) & outside] = -1
    return step, np.cumsum(step, dtype=np.int32)
