"""The audit trail: one JSON line for every patient that was read and every step of every write.

Append-only: who, what, when, why, and what came of it. A patient or a resource is named by a keyed
hash (HMAC with the secret beside the store), so that the trail can be searched for one patient by
whoever holds the secret and tells nothing to anybody else. `docs/reference/audit.md` has the fields.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from . import __version__
from .errors import ConfigError, SafetyError

_WHY = ("reason", "scale", "level", "state")


class Trail:
    """The file, open for appending (0600 in a 0700 folder)."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)

    def append(self, line: Mapping[str, object]) -> None:
        """One line. SafetyError when it cannot be written: what cannot be accounted for is not done."""
        encoded = msgspec.json.encode(line) + b"\n"
        try:
            # One call a line: two processes that append never mix theirs.
            written = os.write(self._file, encoded)
        except OSError as error:
            raise SafetyError(f"the audit trail cannot be written ({error.strerror}); nothing more is sent") from None
        if written != len(encoded):
            raise SafetyError("the audit trail cannot be written (disk full); nothing more is sent")

    def close(self) -> None:
        """Everything is on the disk before this returns."""
        os.fsync(self._file)
        os.close(self._file)


@dataclass(slots=True)
class Audit:
    """The trail of one pass over one endpoint.

    who  {"software", "install", "endpoint", "method", "client", "policy"}: this installation, its identity at the
         endpoint, its rules
    """

    trail: Trail
    secret: bytes
    base: str
    run: str
    who: Mapping[str, str]

    def read(self, at: datetime, patient: str, counts: Mapping[str, int]) -> None:
        """One patient's record was read: how many resources of which type."""
        self._line(at, "read", patient=named(self.secret, self.base, patient), counts=dict(counts))

    def forgot(self, at: datetime, patient: str) -> None:
        """What was kept about a patient is deleted."""
        why = {"reason": "asked for by the operator; not in the cohort"}
        self._line(at, "forget", patient=named(self.secret, self.base, patient), why=why)

    def wrote(self, at: datetime, row: Mapping[str, Any]) -> None:
        """A row of the ledger moved: `ledger_state` says to what."""
        target = f"{row['type']}/{row['resource_id']}" if row.get("resource_id") else row["key"]
        self._line(
            at,
            row["op"],
            type=row["type"],
            target=named(self.secret, self.base, target),
            patient=named(self.secret, self.base, row["patient"]) if row["patient"] else None,
            why={name: row[name] for name in _WHY if row.get(name)},
            outcome=row["ledger_state"],
            status=row.get("status"),
            codes=row["codes"].split(),
        )

    def _line(self, at: datetime, event: str, **fields: object) -> None:
        self.trail.append(
            {"at": at.isoformat(timespec="milliseconds"), "run": self.run, "event": event, **fields, **self.who}
        )


def named(secret: bytes, base: str, reference: str) -> str:
    """The keyed hash that stands for a reference under a base URL: 128 bits, hexadecimal."""
    return hmac.digest(secret, f"audit|{base}|{reference}".encode(), "sha256").hex()[:32]


def lines_about(path: Path, patient: str) -> Iterator[str]:
    """The lines of a trail about one patient (as `named`), oldest first, those put aside included."""
    asked = f'"patient":"{patient}"'
    for file in [*sorted(path.parent.glob(f"{path.stem}-*Z{path.suffix}")), path]:
        if file.is_file():
            with file.open(encoding="utf-8") as trail:
                yield from (line.rstrip("\n") for line in trail if asked in line)


@contextmanager
def open_trail(path: Path, rotate_at: int, now: datetime) -> Iterator[Trail]:
    """The trail at `path`; one of `rotate_at` bytes or more is put aside first, under a name with the time.
    ConfigError when it cannot be opened."""
    try:
        if path.exists() and path.stat().st_size >= rotate_at:
            path.rename(path.with_name(f"{path.stem}-{now:%Y%m%dT%H%M%S%fZ}{path.suffix}"))
        trail = Trail(path)
    except OSError as error:
        raise ConfigError(f"the audit trail {path} cannot be opened: {error.strerror}") from None
    try:
        yield trail
    finally:
        trail.close()


def who(*, install: str, endpoint: str, method: str, client: str | None, policy: str) -> dict[str, str]:
    """Who acts: this program, this installation, the identity that it uses at an endpoint, and by which policy."""
    acting = {"software": f"fhir-alliance/{__version__}", "install": install, "endpoint": endpoint}
    return acting | {"method": method, "client": client or "", "policy": policy}
