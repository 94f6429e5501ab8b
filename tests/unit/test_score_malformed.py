"""What is malformed is set aside and explained; what is merely unusual is scored and flagged."""

from __future__ import annotations

import json
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from response_forms import ABSENT, RULES, VALUES, WAI, coded, form, item, items
from score_runs import SCRIPT, Cli, Json, write

from fhir_alliance.documents import read_files

DEEP = '{"linkId":"g","item":['
MALFORMED: dict[str, str | Json | list[Any]] = {
    "wrong types": form(item=[{"linkId": 1, "answer": {"valueInteger": "four"}}]),
    "numeric id": form() | {"id": 17},
    "no subject": form(subject=None),
    "duplicate linkIds": form(item=[*items(), item("3", 4)]),
    "out of range": form(item=items([*VALUES[:11], 7])),
    "off the grid": form(item=items([*VALUES[:11], {"valueDecimal": 3.5}])),
    "broken time": form(authored="last Tuesday"),
    "no such day": form(authored="2026-02-31T10:00:00Z"),
    "another shape": form(item=[item(f"q{n}", 3) for n in range(36)]),
    "another instrument": form(item=items([3] * 36)),
    "20 MB of items": form(item=[*items(), *(item(f"x{n}", {"valueString": "y" * 40}) for n in range(230_000))]),
    "300 levels": json.dumps(form(item="@")).replace('"@"', "[" + DEEP * 300 + "]}" * 300 + "]"),
    "100,000 brackets": "[" * 100_000 + "]" * 100_000,
    "not JSON at all": "Dear colleague, the form is in the post.",
    "no response": {"resourceType": "Patient", "id": "p1"},
}


@pytest.mark.usefixtures("nowhere")
def test_what_is_malformed_is_set_aside_with_a_reason_and_no_traceback() -> None:
    for name, resource in MALFORMED.items():
        write(name.replace(" ", "-"), resource)
    names = [name.replace(" ", "-") for name in MALFORMED]
    done = subprocess.run([SCRIPT, "score", *names, "--json"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(MALFORMED)
    for name, line in zip(names, lines, strict=True):
        assert line["source"].startswith(name)
        assert line["reason"].startswith("skipped: no Questionn" if name == "no-response" else "set aside: ")
        assert "four" not in line["reason"]
        assert "Tuesday" not in line["reason"]


UNUSUAL: dict[str, tuple[Json, list[str]]] = {
    "nested groups": (form(item=[{"linkId": "a", "item": [{"linkId": "b", "item": items()}]}]), []),
    "naive time": (form(authored="2026-03-04T15:20:00"), ["tz_assumed"]),
    "date only": (form(authored="2026-03-04"), ["time_unknown"]),
    "no seconds": (form(authored="2026-03-04T15:20Z"), []),
    "extra items": (form(item=[*items(), item("comment", {"valueString": "x"})]), ["extra_items"]),
    "missing id": (form(id=None), []),
    "no version": (form(questionnaire=WAI), ["version_assumed"]),
    "absent with a reason": (form(item=[*items()[:11], item("12", {"extension": [ABSENT]})]), ["prorated"]),
    "weighted codes": (form(item=items(coded(v) for v in VALUES)), []),
    "by a relative": (form(source={"reference": "RelatedPerson/r"}), ["proxy"]),
    "all the same": (form(item=items([4] * 12)), ["straight_lining"]),
    "amended": (form(status="amended"), []),
    "several": (
        form(questionnaire=WAI, authored="2026-03-04", source={"reference": "RelatedPerson/r"}, item=items([4] * 11)),
        ["prorated", "proxy", "time_unknown", "version_assumed"],
    ),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_merely_unusual_is_scored_and_flagged(cli: Cli, name: str) -> None:
    resource, flags = UNUSUAL[name]
    total = cli.lines(write("f.json", resource), code=0)[0]
    assert (total["scale"], total["flags"]) == ("total", flags)


@pytest.mark.usefixtures("nowhere")
def test_a_large_file_of_lines_is_never_held_as_a_whole() -> None:
    one = json.dumps(form(language="x" * 1000)) + "\n"
    Path("l.ndjson").write_text(one * 4000, encoding="utf-8")
    size = Path("l.ndjson").stat().st_size
    tracemalloc.start()
    count = sum(1 for _ in read_files(["l.ndjson"], RULES))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, peak < size / 4) == (4000, True)
