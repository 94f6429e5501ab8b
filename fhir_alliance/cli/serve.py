"""`serve`: passes on a schedule, until SIGTERM."""

from __future__ import annotations

import sys
from contextlib import ExitStack

import typer

from . import app
from .common import ConfigOption, load_settings, on_hangup, stopping


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Run passes on the configured schedule. SIGTERM finishes the current patient, then ends with exit 0.

    SIGHUP reads the configuration anew: what [write] forbids then is not sent any more by the pass that runs.

    With [serve] it also answers /health and /ready, and takes nudges of the EHR that bring a pass forward.
    """
    from .. import sync as program
    from ..config import Settings
    from ..errors import AllianceError, ConfigError, Exit, bug
    from ..log import log
    from ..schedule import Bell, trigger
    from ..schedule import serve as run_schedule
    from .common import load_settings as reload

    settings: Settings = load_settings(config)
    trigger(settings.schedule)
    bell = Bell(settings.serve.nudge.at_most_every)

    def reread() -> None:
        """A wrong file is told, and the settings stay as they were."""
        nonlocal settings
        try:
            settings = reload(config, logs=False)
        except AllianceError as error:
            sys.stderr.write(f"fhir-alliance: the settings stay as they were: {error}\n")
        else:
            log("settings.reloaded", writes=settings.write.enabled)

    with stopping() as stop, on_hangup(reread), ExitStack() as stack:

        def once() -> bool:
            nonlocal settings
            try:
                # Read anew each time: switching write.enabled off takes effect at the next pass.
                settings = reload(config, logs=False)
                report = program.sync(settings, stop=stop, now_allowed=lambda: settings.write)
                for message in report.messages:
                    sys.stderr.write(f"fhir-alliance: {message}\n")
            except AllianceError as error:
                sys.stderr.write(f"fhir-alliance: {error}\n")
                if error.exit_code is Exit.LEASE:
                    log("schedule.skipped")
                    return False
            except Exception as error:
                # The scheduler would swallow it. What it says may carry input values: its type and place only.
                sys.stderr.write(f"fhir-alliance: a bug ended the pass ({bug(error)}); please report it\n")
            return True

        if settings.serve.listens:
            try:
                from ..web.listening import listening
            except ImportError:
                raise ConfigError(
                    "serve: the web server is not installed; run: pip install 'fhir-alliance[serve]'"
                ) from None
            stack.enter_context(listening(lambda: settings, bell.ring))
        run_schedule(settings.schedule, once, stop, bell)
    raise typer.Exit(0)
