"""The files that `simulate` writes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import msgspec

from ..demo.forms import Resource
from ..errors import ConfigError
from .clinic import Filed

BEFORE = "before"
RESPONSE = "QuestionnaireResponse"
_encode = msgspec.json.Encoder().encode


def write(folder: Path, filed: Iterable[Filed], truth: Iterable[bytes], *, before: bool) -> None:
    """`<Type>.ndjson` for each type of resource, and `truth.csv`: the same series with their labels.

    before  write `before/QuestionnaireResponse.ndjson` too: the forms that had come in before the late and corrected
            ones did, with their first answers
    ConfigError when the folder holds something already; OSError when it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: give a folder that is new or empty")
    with ExitStack() as stack:
        files: dict[str, IO[bytes]] = {}

        def put(name: str, resource: Resource) -> None:
            if name not in files:
                path = folder / f"{name}.ndjson"
                path.parent.mkdir(parents=True, exist_ok=True)
                files[name] = stack.enter_context(path.open("wb"))
            files[name].write(_encode(resource) + b"\n")

        for one in filed:
            type = one.now["resourceType"]
            put(type, one.now)
            if before and type == RESPONSE and one.before is not None:
                put(f"{BEFORE}/{RESPONSE}", one.before)
        with (folder / "truth.csv").open("wb") as file:
            file.writelines(truth)


def lines(filed: Iterable[Filed]) -> Iterable[bytes]:
    """Every resource as it stands in the end, as NDJSON."""
    return (_encode(one.now) + b"\n" for one in filed)
