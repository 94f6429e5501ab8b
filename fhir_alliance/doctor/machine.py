"""What can be said without the EHR: configuration, store, switches, licences."""

from __future__ import annotations

import os
from pathlib import Path

from ..catalogue import catalogue, own
from ..config import Settings
from ..configcheck import problems
from ..instruments.cautions import unverified
from .findings import Section


def examine_machine(settings: Settings) -> Section:
    """Check this machine's side. Makes nothing."""
    section = Section("This machine")
    wrong = problems(settings)
    for line in wrong:
        section.fail("settings", f"{line}.", "A pass does not begin with such settings.", "Mend it.")
    if not wrong:
        section.ok("settings", "The configuration is right by itself.")
    _store(settings.store_path, section)
    _switches(settings, section)
    if not wrong:
        _licences(settings, section)
        _keys(settings, section)
    return section


def _store(path: Path, section: Section) -> None:
    folder = path.parent
    if not path.exists():
        there = next(p for p in folder.parents if p.is_dir()) if not folder.is_dir() else folder
        if os.access(there, os.W_OK | os.X_OK):
            section.ok("store", f"There is none yet; the first pass makes {path}.")
        else:
            section.fail(
                "store",
                f"{there} cannot be written to.",
                "A pass keeps there what it has written.",
                "Give this user a folder, or change store.path.",
            )
        return
    if not os.access(path, os.R_OK | os.W_OK) or not os.access(folder, os.W_OK | os.X_OK):
        section.fail(
            "store",
            f"{path} or its folder cannot be written to by this user.",
            "A pass keeps there what it has written.",
            "Run as the user who made it, or give it to this one.",
        )
    elif path.stat().st_mode & 0o077:
        section.fail("store", f"{path} can be read by others.", "It holds patient ids.", f"Run: chmod 600 {path}")
    elif folder.stat().st_mode & 0o077:
        section.warn("store", "Its folder is open to others.", "It holds patient ids.", f"Run: chmod 700 {folder}")
    else:
        section.ok("store", f"{path}, for this user only.")


def _switches(settings: Settings, section: Section) -> None:
    write = settings.write
    if not write.enabled:
        section.ok("writing", "Off (write.enabled is false): passes read, score and plan, and write nothing.")
    elif not write.types and (elsewhere := [sink for sink in settings.alerts.sinks if sink in ("webhook", "log")]):
        section.ok("writing", f"On, for {' and '.join(elsewhere)}: nothing is written to the EHR.")
    elif not write.types:
        section.warn(
            "writing",
            "On, but nothing is written.",
            "write.types is empty.",
            'Name the types, like write.types = ["Observation", "Task"].',
        )
    else:
        section.ok("writing", f"On, for {', '.join(write.types)}; at most {write.max_per_run} resources a pass.")


def _licences(settings: Settings, section: Section) -> None:
    known = catalogue(settings)
    gated = {i.id for i in known.values() if i.licence_gated}
    held = gated & set(settings.licences.attested)
    if held:
        section.ok("licences", f"Attested: {', '.join(sorted(held))}.")
    if lacking := gated - held:
        names = ", ".join(sorted(lacking))
        section.ok("licences", f"Not attested: {names}. Their forms are skipped until licences.attested names them.")


def unchecked(warning: str) -> tuple[str, str, str]:
    """What to say of an instrument whose scoring key nobody has checked."""
    return f"{warning}.", "A wrong key makes wrong scores.", "Compare it with your own licensed copy of the form."


def _keys(settings: Settings, section: Section) -> None:
    """Say aloud whose scoring key nobody has checked, of the instruments that the configuration names."""
    known = catalogue(settings)
    maps = [settings.questionnaires, *(e.questionnaires for e in settings.endpoint.values())]
    named = {v if isinstance(v, str) else v.instrument for table in maps for v in table.values()}
    named |= {*settings.licences.attested, *(i.id for i in own(known))}
    for id in sorted(named):
        if warning := unverified(known[id]):
            section.warn("keys", *unchecked(warning))
