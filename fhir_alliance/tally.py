"""What was read and decided about one patient, counted into the run report."""

from __future__ import annotations

from collections.abc import Mapping

from .decide import Decision
from .fhir.stated import disagreement
from .instruments.cautions import unverified
from .model import Instrument
from .reading import PatientRecord
from .report import RunReport


def tally(report: RunReport, record: PatientRecord, decision: Decision, known: Mapping[str, Instrument]) -> None:
    """Add one patient. `known`: the site's instruments, by id."""
    _decided(report, decision, known)
    report.read.update(record.counts)
    if not record.compared:
        report.say("the EHR did not let us read the totals that others state; the comparison was left out")
    if record.survivor:
        report.say("a patient was merged into another; from the next pass on that one is read too")
    if record.vanished:
        report.reasons["vanished"] += len(record.vanished)
        report.say(f"{len(record.vanished)} responses that were scored are gone from the EHR; their scores stay")
    if record.foreign:
        report.reasons["another-patient"] += record.foreign
        report.say("the EHR answered a search by patient with other patients' responses; they were left out")


def _decided(report: RunReport, decision: Decision, known: Mapping[str, Instrument]) -> None:
    placed = decision.placed
    report.notices += sum(len(s.notices) for s in decision.stories)
    report.episodes.update(str(s.episode.state) for s in decision.strains)
    report.silent.update(decision.silent)
    report.unfiled.update(decision.unfiled)
    for why in decision.unfiled:
        report.say(f"some scores were not filed: {why}")
    report.outcomes["scored"] += len(placed.kept)
    report.outcomes["superseded"] += len(placed.superseded)
    report.disagreements += [line for a in placed.kept if (line := disagreement(a))]
    for r in placed.left_out:
        report.outcomes[str(r.outcome)] += 1
        report.reasons[r.code or "?"] += 1
    for id in {a.instrument for a in placed.kept}:
        if warning := unverified(known[id]):
            report.say(warning)
