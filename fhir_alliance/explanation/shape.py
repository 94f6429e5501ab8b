"""The explanation for a program: the shape of `explain --json`."""

from __future__ import annotations

from dataclasses import asdict
from math import fsum
from typing import Any

from ..detection import Terms, info, policies
from ..detection.tolerance import at_least
from ..instruments.cautions import cautions
from ..model import Episode, Event
from ..scoring import PRORATED
from ..sparkline import inline
from .case import Account, Row
from .limits import measured, near_maximum
from .verdict import verdict
from .words import ASSUMED

Json = dict[str, Any]


def as_json(told: Account) -> Json:
    """Plain values for one series; nothing is rounded."""
    case, found = told.case, verdict(told)
    instrument, by = case.instrument, case.by
    return {
        "instrument": instrument.id,
        "policy": by.id,
        "preset": by.preset,
        "why": {"code": found.code, "headline": found.headline, "text": list(found.text)},
        "score": _score(told),
        "low_start": _low_start(told),
        "strain": _strain(told.episode or told.around),
        "sessions": [_session(row) for row in told.rows],
        "ceiling": _ceiling(told),
        "missing": {"sessions": len(told.rows), "without_score": sum(row.step is None for row in told.rows)},
        "events": [_event(e) for e in (*case.detection.events, *case.notices)],
        "insufficient": case.detection.insufficient,
        "rule": _rule(told),
        "key": {"id": instrument.key, "verified": instrument.verified},
        "cautions": cautions(instrument),
        "figures": _figures(told),
        "chart": inline(case.points, case.detection, instrument.change),
    }


def _score(told: Account) -> Json | None:
    """The score that is looked at; null when that session has none."""
    step, reference, terms = told.step, told.reference, told.terms
    if step is None:
        return None
    value, change = step.value, told.case.instrument.change
    shown: Json = {
        "index": step.index,
        "at": step.at.isoformat(),
        "value": value,
        "minimum": change.minimum,
        "maximum": change.maximum,
        "cooldown": told.cooling is not None,
        "compared_with": None,
    }
    if reference is None or terms is None:
        return shown
    shown["compared_with"] = {
        "kind": reference.kind,
        "mean": reference.mean,
        "sessions": [r.index for r in told.rows if r.base],
        "sigma": reference.sigma,
        "spread": reference.spread,
        "prior": {"s0": change.s0, "weight": terms.prior} if terms.prior or reference.kind in ASSUMED else None,
        "drop": reference.drop(value),
        "z": reference.z(value),
        "needs": None if told.followed else _needs(terms),
        "limit": reference.lasting if told.followed else reference.limit,
        "severe_limit": None if told.followed else reference.severe,
        "below_only": reference.strict,
    }
    return shown


def _needs(terms: Terms) -> Json:
    return {
        "drop": terms.drop,
        "drop_is": terms.of or None,
        "z": terms.z,
        "severe_drop": terms.severe_drop,
        "severe_z": terms.severe_z,
    }


def _low_start(told: Account) -> Json | None:
    """The mean of the first scores, where that is what was told."""
    if told.episode is None or told.episode.onset.baseline is not None:
        return None
    scores = [p.value for p in told.compared if p.value is not None]
    return {
        "mean": fsum(scores) / len(scores),
        "sessions": [r.index for r in told.rows if r.base],
        "low": told.case.instrument.change.low,
    }


def _strain(episode: Episode | None) -> Json | None:
    """The strain that the score opened, or in which it lies."""
    if episode is None:
        return None
    return {
        "kind": episode.kind,
        "state": str(episode.state),
        "level": episode.level,
        "onset": episode.onset.index,
        "worsened": episode.worsened.index if episode.worsened else None,
        "close": episode.close.index if episode.close else None,
        "sigma": episode.sigma,
    }


def _session(row: Row) -> Json:
    step, form = row.step, row.form
    return {
        "index": row.index,
        "at": row.point.at.isoformat(),
        "value": step.value if step else None,
        "usable": step is not None,
        "kind": row.kind or None,
        "baseline": step.baseline if step else None,
        "spread": step.spread if step else None,
        "limit": step.limit if step else None,
        "counts": row.base,
        "in_strain": bool(step and step.in_episode),
        "answered": form.answered if form and form.items else None,
        "items": form.items if form and form.items else None,
        "prorated": PRORATED in form.flags if form else None,
        "flags": list(form.flags) if form else None,
        "events": [e.kind for e in row.events],
    }


def _event(event: Event) -> Json:
    return asdict(event) | {"at": event.at.isoformat()}


def _ceiling(told: Account) -> Json:
    """How many of the scores that it was compared with were at the maximum."""
    most = told.case.instrument.change.maximum
    return {
        "maximum": most,
        "at_maximum": sum(p.value is not None and at_least(p.value, most) for p in told.compared),
        "of": len(told.compared),
        "left": any(e.kind == "ceiling" for e in told.row.events) if told.row else False,
        "near": near_maximum(told),
    }


def _rule(told: Account) -> Json:
    by = told.case.by
    known = info(by.id) if by.id in policies() else None
    return {
        "threshold": by.threshold,
        "threshold_is": known.swept if known else None,
        "sentence": known.sentence if known else None,
        "source": known.source if known else None,
    }


def _figures(told: Account) -> Json | None:
    found = measured(told)
    return asdict(found) if found else None
