"""The object of `demo --json`: a contract that others script against."""

from __future__ import annotations

from typing import Any

from .run import Outcome, Told


def contract(outcome: Outcome) -> dict[str, Any]:
    """Plain JSON values. Counts are of what stands in the end; `*_written` are creations over all passes."""
    server = outcome.server
    return {
        "server": {"name": server.name, "version": server.version, "url": server.url},
        "patients": outcome.held["Patient"],
        "encounters": outcome.held["Encounter"],
        "responses": outcome.held["QuestionnaireResponse"],
        "scored": sum(len(s.assessments) for s in outcome.stories),
        "unscorable": [{"source": line.source, "reason": line.reason} for line in outcome.aside],
        "quarantined": len(outcome.aside),
        "observations_written": outcome.wrote("Observation.create"),
        "episodes": [_episode(t) for t in outcome.told],
        "alerts_written": outcome.wrote("Task.create"),
        "notices": sum(len(s.notices) for s in outcome.stories),
        "second_pass": {"writes": outcome.reports[4].writes},
        "seconds": round(outcome.seconds, 1),
    }


def _episode(told: Told) -> dict[str, Any]:
    """`onset` is the time of the session that it began with."""
    key, episode = told.strain.key, told.strain.episode
    return {
        "patient": key.patient,
        "practitioner": key.practitioner,
        "instrument": key.instrument,
        "level": episode.level,
        "kind": episode.kind,
        "onset": told.strain.assessment.at.isoformat(),
        "state": str(told.state),
    }
