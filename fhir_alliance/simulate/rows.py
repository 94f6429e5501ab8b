"""A cohort as text: CSV with the columns `series,at,value,truth`, or NDJSON with these keys. What `detect` reads.

`at` is the day of the session, also of a form that was filled in late; `value` the shortest decimal that reads back
the same; `truth` is empty, `strain` where one begins, or `repair`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta

from .cohort import REPAIR, STRAIN, Cohort

HEADER = b"series,at,value,truth\n"
_TRUTH = {0: "", STRAIN: "strain", REPAIR: "repair"}
_JSON_TRUTH = {0: "null", STRAIN: '"strain"', REPAIR: '"repair"'}


def csv(cohorts: Iterable[Cohort], start: date) -> Iterator[bytes]:
    """The header, then a piece of bytes for each cohort. `start` is day 0."""
    yield HEADER
    for cohort in cohorts:
        yield _lines(cohort, start, "", lambda name: f"{name},", _csv_line)


def ndjson(cohorts: Iterable[Cohort], start: date) -> Iterator[bytes]:
    """A piece of bytes for each cohort; a missing value and no label are null."""
    for cohort in cohorts:
        yield _lines(cohort, start, "null", lambda name: f'{{"series":"{name}","at":"', _json_line)


def _csv_line(at: str, value: str, truth: int) -> str:
    return f"{at},{value},{_TRUTH[truth]}\n"


def _json_line(at: str, value: str, truth: int) -> str:
    return f'{at}","value":{value},"truth":{_JSON_TRUTH[truth]}}}\n'


def _lines(
    cohort: Cohort, start: date, missing: str, head: Callable[[str], str], line: Callable[[str, str, int], str]
) -> bytes:
    """Every row of every series. Series share days and values, so each rest of a line is made once."""
    days = [(start + timedelta(days=n)).isoformat() for n in range(int(cohort.days.max(initial=0)) + 1)]
    known: dict[tuple[int, float | None, int], str] = {}
    out: list[str] = []
    columns = (cohort.days.tolist(), cohort.values.tolist(), cohort.truth.tolist(), cohort.length.tolist())
    for row, (at, values, truth, length) in enumerate(zip(*columns, strict=True)):
        first = head(cohort.name(row))
        for n in range(length):
            value = values[n] if values[n] == values[n] else None  # NaN is the one that differs from itself
            key = (at[n], value, truth[n])
            rest = known.get(key)
            if rest is None:
                text = missing if value is None else repr(value)
                rest = known[key] = line(days[at[n]], text, truth[n])
            out.append(first + rest)
    return "".join(out).encode()
