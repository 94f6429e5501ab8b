"""`serve`: passes on a schedule, until SIGTERM."""

from __future__ import annotations

import sys

import typer

from . import app
from .common import ConfigOption, load_settings, stopping


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Run passes on the configured schedule. SIGTERM finishes the current patient, then ends with exit 0."""
    from .. import sync as program
    from ..config import Settings
    from ..errors import AllianceError, Exit
    from ..log import log
    from ..schedule import serve as run_schedule
    from ..schedule import trigger
    from .common import load_settings as reload

    settings: Settings = load_settings(config)
    trigger(settings.schedule)
    with stopping() as stop:

        def once() -> None:
            try:
                # Read anew each time: switching write.enabled off takes effect at the next pass.
                report = program.sync(reload(config, logs=False), stop=stop)
                for message in report.messages:
                    sys.stderr.write(f"fhir-alliance: {message}\n")
            except AllianceError as error:
                if error.exit_code is Exit.LEASE:
                    log("schedule.skipped")
                sys.stderr.write(f"fhir-alliance: {error}\n")

        run_schedule(settings.schedule, once, stop)
    raise typer.Exit(0)
