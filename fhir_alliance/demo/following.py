"""What to try after the demo: three commands that work as they are printed."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from ..config import CONFIG_NAME
from .run import Outcome
from .screen import Next, sort


def following(outcome: Outcome, out: Path, folder: Path | None) -> list[Next]:
    """`folder` holds configuration and store where they stay; else what needs neither."""
    if folder is None:
        return [
            Next("fhir-alliance demo --serve", "the same, and the server stays up to look around in"),
            Next(
                f"fhir-alliance detect {quote(str(out / 'wai-sr-c.csv'))} --instrument wai-sr-c",
                "the same events from a file, without any server",
            ),
            Next("fhir-alliance init", "a configuration for your own server; then: doctor, sync --dry-run"),
        ]
    config = quote(str(folder / CONFIG_NAME))
    first = next(iter(sort(outcome)[0]), None)
    about = first.alert if first and first.alert else f"Patient/{outcome.stories[0].key.patient.rpartition('/')[2]}"
    return [
        Next(f"fhir-alliance explain {about} --config {config}", "the numbers behind the first alert above"),
        Next(f"fhir-alliance status --config {config}", "runs, backlog, alerts per clinician and week"),
        Next(f"curl '{outcome.server.url}/Task?patient=client-02'", "the alert as any FHIR client finds it"),
    ]
