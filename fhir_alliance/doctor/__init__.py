"""The online check: what stands between this configuration and a pass that works.

Reads only; writes nothing to the EHR and makes no store. Names no patient: of the cohort the size
is told, of questionnaires the canonical URL.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ..changes import Mode
from ..cohort import cohort
from ..config import Endpoint, Settings, format_duration, now_utc
from ..due import choose_mode
from ..errors import ConfigError, EHRError, NotFound
from ..fhir.capability import Capability, probe
from ..fhir.http import FhirClient
from ..fhir.inbound import rules
from ..fhir.needs import needs
from ..fhir.retry import Stop
from .changed import try_changes
from .counting import count_forms
from .declared import COLUMNS, compare, readable, tell_sinks, writable
from .findings import Diagnosis, Finding, Form, Level, Section
from .fitness import Fit, fits
from .hints import hint
from .limits import tell_limits
from .machine import examine_machine
from .rights import sign_in
from .trial import try_reading

__all__ = ["COLUMNS", "Diagnosis", "Finding", "Fit", "Form", "Level", "Section", "examine"]

SKEW = timedelta(minutes=2)
_MEND = ("Without it nothing can be asked.", "Mend the settings, then run: fhir-alliance check")


def examine(settings: Settings, *, stop: Stop | None = None, clock: Callable[[], datetime] = now_utc) -> Diagnosis:
    """Examine this machine, then each endpoint.

    stop  a threading.Event that ends all waiting
    """
    machine = examine_machine(settings)
    ends = [_endpoint(settings, name, stop, clock) for name in settings.endpoint]
    return Diagnosis((machine, tell_limits(settings), *ends))


def _endpoint(settings: Settings, name: str, stop: Stop | None, clock: Callable[[], datetime]) -> Section:
    endpoint = settings.endpoint[name]
    unsigned: dict[str, Any] = {"method": endpoint.auth.method, "granted": None, "needed": [], "missing": []}
    facts = {"server": {"url": endpoint.base_url}, "auth": unsigned}
    section = Section(f"Endpoint {name}  {endpoint.base_url}", name, facts=facts)
    try:
        client = FhirClient(_hasty(endpoint), settings.root, stop=stop, needs=needs(settings))
    except ConfigError as error:
        section.fail("settings", f"{error}.", *_MEND)
        return section
    if not sign_in(client, settings, name, section):
        return section
    before = clock()
    try:
        capability = probe(client, endpoint.capability)
    except ConfigError as error:
        section.fail("credentials", f"{error}.", *_MEND)
        return section
    except EHRError as error:
        section.trouble("server", error, do="Check base_url.")
        section.away = True
        return section
    _server(capability, section)
    hint(capability, settings, name, section)
    _clock(capability, before, clock(), section)
    compare(capability, settings, section)
    _reading(client, capability, settings, name, clock(), section)
    _pool(client, settings, section)
    section.fits = fits(capability, settings, section.vendor)
    tell_sinks(capability, settings, name, section)
    writable(capability, settings, section)
    client.close()
    return section


def _hasty(endpoint: Endpoint) -> Endpoint:
    """The same endpoint with the patience of a person who waits for an answer."""
    http = endpoint.http
    quick = {"attempts": min(http.attempts, 2), "max_wait": min(http.max_wait, timedelta(seconds=10))}
    return endpoint.model_copy(update={"http": http.model_copy(update=quick)})


def _server(capability: Capability, section: Section) -> None:
    name = " ".join(filter(None, [capability.software, capability.version])) or "A server that does not say its name"
    fhir = capability.fhir_version
    said = {"software": capability.software, "version": capability.version, "publisher": capability.publisher}
    section.facts["server"] |= {**said, "fhir": fhir}
    if fhir is None:
        section.warn(
            "server",
            f"{name}. It does not say which FHIR version it speaks.",
            "This program speaks R4.",
            "Ask whether base_url is the R4 address.",
        )
    elif fhir.startswith("4.0"):
        section.ok("server", f"{name}, FHIR {fhir}.")
    else:
        section.fail(
            "server",
            f"{name} speaks FHIR {fhir}.",
            "This program speaks R4 (4.0).",
            "Ask for the R4 address, and set it as base_url.",
        )


def _clock(capability: Capability, before: datetime, after: datetime, section: Section) -> None:
    theirs = capability.date
    if theirs is None:
        section.warn(
            "clock",
            "The EHR sends no Date.",
            "Our own clock decides how far a pass has come.",
            "Keep this machine's clock right by a time server.",
        )
        return
    second = timedelta(seconds=1)  # the header has no fractions
    skew = max(before - second - theirs, theirs - after, timedelta())
    section.facts["server"]["clock_skew_seconds"] = round(skew.total_seconds())
    if skew > SKEW:
        section.warn(
            "clock",
            f"The EHR's clock and this machine's are {_long(skew)} apart.",
            "Tokens may be refused as too old, and ages of scores are wrong.",
            "Set this machine's clock by a time server.",
        )
    else:
        section.ok("clock", "The EHR's clock and this machine's agree.")


def _long(span: timedelta) -> str:
    seconds = span.total_seconds()
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _reading(
    client: FhirClient, capability: Capability, settings: Settings, name: str, now: datetime, section: Section
) -> None:
    """Mode, cohort, and a trial: the part that needs the credentials."""
    mode, why = choose_mode(capability, settings)
    section.facts["mode"] = mode
    try:
        roster = cohort(client, settings.cohort, settings.read, settings.root, now).roster()
        section.facts["cohort"] = len(roster)
        _cohort(settings, len(roster), section)
        if roster:
            known = rules(settings, name, now=now, require_id=True)
            try_reading(client, settings, roster, known, section)
            try_changes(client, capability, settings, mode, roster[0], capability.date or now, name, section)
            count_forms(client, settings, name, section)
    except ConfigError as error:
        section.fail("settings", f"{error}.", *_MEND)
    except EHRError as error:
        _unreadable(settings, name, error, section)
    else:
        _credentials(settings.endpoint[name].auth.method, bool(roster), section)
    section.ok("read mode", f"{mode}: {_meaning(mode, settings)}. Why: {why}.")
    readable(capability, settings, mode, why, section)


def _meaning(mode: Mode, settings: Settings) -> str:
    read = settings.read
    whole = f"everybody every {format_duration(read.full_diff_every)}"
    return {
        "watermark": f"passes read who has something changed since the last one; {whole}",
        "clinical-window": f"passes read who had a session or a form in {format_duration(read.look_back)}; {whole}",
        "full-diff": f"passes read patients whole, and compare; in a cohort of more than {read.quiet_from}, "
        f"those without a session in {format_duration(read.look_back)} only every {format_duration(read.quiet_every)}",
    }[mode]


def _unreadable(settings: Settings, name: str, error: EHRError, section: Section) -> None:
    wide = settings.cohort.source in ("search", "appointments", "careteam")
    if wide and "cohort" not in section.facts:
        section.trouble(
            "cohort",
            error,
            do="Many EHRs allow no search across patients: use cohort.source ids, file, group or list.",
        )
        return
    wanted = section.vendor.server.requires if section.vendor else ()
    lacking = " and ".join(f'"{one}" = "…"' for one in wanted if one not in settings.endpoint[name].parameters)
    if lacking and section.vendor:
        do = f"{section.vendor.name} wants it with every request: set {lacking} under [endpoint.{name}.parameters]."
        section.trouble("reading", error, do=do)
    else:
        section.trouble("reading", error)


def _credentials(method: str, asked: bool, section: Section) -> None:
    if method == "none":
        section.ok("credentials", "None are sent (this machine only).")
    elif asked:
        section.ok("credentials", f"Accepted ({method}).")


def _cohort(settings: Settings, size: int, section: Section) -> None:
    source = settings.cohort.source
    if size:
        section.ok("cohort", f"{size} patients, by {source}.")
    else:
        section.fail(
            "cohort", f"Nobody, by {source}.", "Nothing would be read.", "Look at the [cohort] table of the settings."
        )


def _pool(client: FhirClient, settings: Settings, section: Section) -> None:
    """Is the pool there that alerts without a practitioner go to?"""
    if not settings.alerts.pool or section.away:
        return
    try:
        client.read(settings.alerts.pool)
    except NotFound:
        section.fail(
            "alerts.pool",
            "The EHR does not have it.",
            "Alerts without a clinician would be refused.",
            "Set alerts.pool to an id that the EHR knows, or leave it out: then nobody is told of these.",
        )
    except EHRError as error:
        section.trouble("alerts.pool", error)
    else:
        section.ok("alerts.pool", "It is there: alerts without a clinician go to it.")
