"""What to try after the demo: commands that work as they are printed."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from .run import Outcome
from .screen import Next, sort


def following(outcome: Outcome, out: Path, folder: Path | None) -> list[Next]:
    """`folder` holds configuration and store, where they stay; without it: what needs neither."""
    if folder is None:
        return [
            Next("fhir-alliance demo --serve", "the same, and the server stays up to look around in"),
            Next(
                f"fhir-alliance detect {quote(str(out / 'wai-sr-c.csv'))} --instrument wai-sr-c",
                "the WAI-SR events from a file; only a pass sees subscales and expiry",
            ),
            Next("fhir-alliance init", "a configuration for your own server; then: doctor, sync --dry-run"),
        ]
    about = next((t.strain.key.patient for t in sort(outcome)[0]), "Patient/client-01")
    return [
        Next(f"cd {quote(str(folder))}", "in another terminal: its configuration and store are there"),
        Next(f"fhir-alliance explain {about}", "the numbers behind the first line above"),
        Next("fhir-alliance status", "runs, backlog, alerts per clinician and week"),
        Next(f"curl '{outcome.server.url}/Task?patient={about}'", "the alert as any FHIR client finds it"),
    ]
