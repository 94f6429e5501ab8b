"""Files of JSON: plain or gzip, one document or one a line, told by their content and never by a name.

Regular files are read as often as needed and never held as a whole, unless they are one document.
What can be read only once (a pipe, standard input) is kept in memory.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from enum import Enum
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from .errors import ConfigError
from .fhir.brackets import end
from .fhir.content import roomy
from .fhir.stop import set_aside

STDIN = "-"
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_FIRST_LOOK = 1 << 16
_SPACE = b" \t\r\n"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def content(name: str) -> bytes:
    """All of a file as it is, gzip undone; "-" is standard input. ConfigError when it cannot be read."""
    try:
        data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        return gzip.decompress(data) if data.startswith(_GZIP) else data
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ConfigError(f"{name} is damaged gzip") from None
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}") from None


class _Whole(Enum):
    """Is some text one JSON value?"""

    YES = "yes"
    SO_FAR = "so far"  # it may be the beginning of one
    NO = "no"


class File:
    """One file that the user named. ConfigError when it cannot be opened."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._kept: bytes | None = None
        try:
            if name == STDIN:
                self._kept = sys.stdin.buffer.read()
            elif Path(name).is_file():
                Path(name).open("rb").close()
            else:  # a pipe can be read once only; a folder fails here
                self._kept = Path(name).read_bytes()
        except OSError as error:
            raise ConfigError(f"{name} cannot be opened: {os.strerror(error.errno or 0)}") from None

    def document(self) -> bytes | None:
        """The content, when it is one JSON value; None: read it by `lines`. Stop when it cannot be text.

        Only as much is read as could still be one value, so a large file of lines is told by its first two.
        """
        with closing(self._open()) as stream, _Damage():
            content, size = b"", _FIRST_LOOK
            while True:
                content += stream.read(size - len(content))
                if len(content) < size:
                    break
                if _whole(content) is _Whole.NO:
                    return None
                size *= 2
        return content if _whole(content) is _Whole.YES else None

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Every line that is not blank, with its number from 1. Stop when damaged gzip ends them early."""
        with closing(self._open()) as stream, _Damage():
            for number, line in enumerate(stream, 1):
                if text := line.strip(_SPACE):
                    yield number, text

    def _open(self) -> BinaryIO:
        source = self._bytes()
        if _peek(source, len(_GZIP)) == _GZIP:
            source.close()
            where = self.name if self._kept is None else io.BytesIO(self._kept)
            source = cast("BinaryIO", gzip.open(where, "rb"))  # noqa: SIM115  closed by the callers
        with _Damage():
            start = _peek(source, 4)
        if start.startswith(_OTHER_BOMS):
            source.close()
            raise set_aside("not-utf-8", "not UTF-8 text")
        if start.startswith(_BOM):
            source.seek(len(_BOM))
        return source

    def _bytes(self) -> BinaryIO:
        return Path(self.name).open("rb") if self._kept is None else io.BytesIO(self._kept)


def _peek(stream: BinaryIO, size: int) -> bytes:
    start = stream.read(size)
    stream.seek(0)
    return start


class _Damage:
    """Turns the several errors of damaged gzip into one reason."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, EOFError | gzip.BadGzipFile | zlib.error):
            raise set_aside("damaged-gzip", "damaged gzip") from None


def _whole(content: bytes) -> _Whole:
    try:
        roomy(lambda: msgspec.json.decode(content, type=msgspec.Raw))
    except msgspec.DecodeError as error:
        if (paired := _SURROGATE.sub(rb"\\ufffd", content)) != content:
            return _whole(paired)  # a lone surrogate spoils the resource that holds it, not the document
        return _Whole.SO_FAR if "truncated" in str(error) else _Whole.NO
    except RecursionError:
        closed = end(content)
        if closed is None:
            return _Whole.SO_FAR
        return _Whole.NO if content[closed:].strip(_SPACE) else _Whole.YES
    return _Whole.YES
