"""Reading patients in order, the next few while one is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from .reading import PatientReader, PatientRecord
from .store.store import Store


def read_ahead(
    reader: PatientReader, store: Store, due: Sequence[str], width: int
) -> Iterator[PatientRecord | Exception]:
    """What was read of each patient, or why it could not be. `width`: how many are read at the same time."""

    def read(patient: str, known: dict[str, datetime | None]) -> PatientRecord | Exception:
        try:
            return reader.read(patient, known)
        except Exception as error:
            return error

    waiting: deque[Future[PatientRecord | Exception]] = deque()
    with ThreadPoolExecutor(width, thread_name_prefix="read") as pool:
        try:
            for patient in due:
                known = {a.response: a.updated for a in store.assessments(patient)}
                waiting.append(pool.submit(read, patient, known))
                if len(waiting) >= width:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
