"""The table of the clinical specification 2.3, measured anew: the bare rules, without episodes around them.

There: 20,000 clients, 16 sessions, no form missing, no strain. False alarms per session from the fifth on, with
autocorrelation 0, .3 and .6; `any`: clients with at least one of them, at .3; `once`: alarm at the onset of a strain
of one session, `lasting`: alarm within three sessions of one that lasts. The depth of the latter is given there as
"about 1.8 SD"; .6 and 1.2 points of an item reproduce it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fhir_alliance.calibrate.ratio import Figure, Ratio
from fhir_alliance.calibrate.setting import Setting
from fhir_alliance.calibrate.trial import trial
from fhir_alliance.detection.absolute import Absolute
from fhir_alliance.detection.alliance import PersonalFall
from fhir_alliance.detection.best import FromBest
from fhir_alliance.detection.cusum import Cusum
from fhir_alliance.detection.ewma import Ewma
from fhir_alliance.detection.policy import RulePolicy
from fhir_alliance.detection.rule import Rule
from fhir_alliance.detection.step import Step
from fhir_alliance.detection.xmr import Xmr
from fhir_alliance.model import Point
from fhir_alliance.simulate import Parameters, generate

from .protocol import Protocol

FIRST = 4
"""Column of the first session that counts."""
AT = 8
CLIENTS_THERE = 20_000
PHIS = (0.0, 0.3, 0.6)
MEASURES = ("phi 0", "phi .3", "phi .6", "any", "once", "lasting")
DEPTHS = {"wai-sr-c": (1.0, 0.6), "srs-v3": (2.0, 1.2)}

Six = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One rule of the table: its name there, the rule for each instrument, what was printed, and why we differ."""

    name: str
    rules: Mapping[str, Rule]
    printed: Mapping[str, Six]
    why: str = ""


def _both(rule: Rule) -> dict[str, Rule]:
    return {"wai-sr-c": rule, "srs-v3": rule}


ROWS = (
    Row(
        "A absolute <3.0",
        {"wai-sr-c": Absolute(cutoff=3.0)},
        {"wai-sr-c": (0.116, 0.116, 0.115, 0.30, 0.49, 0.44)},
        "what is printed for the WAI-SR is a score of 3.0 *or less* (.119, .30, .50, .44); its Appendix B, too, has "
        "9.7 % below 3",
    ),
    Row(
        "A total ≤36 (in steps of .1: <36.05)",
        {"srs-v3": Absolute(cutoff=36.05)},
        {"srs-v3": (0.391, 0.392, 0.392, 0.75, 0.91, 0.88)},
    ),
    Row(
        "B step ≥1 within-SD",
        {"wai-sr-c": Step(times=0.33 / 0.60)},
        {"wai-sr-c": (0.237, 0.209, 0.171, 0.91, 0.92, 0.88)},
    ),
    Row(
        "any drop ≥1 point",
        {"srs-v3": Step(times=1 / 5)},
        {"srs-v3": (0.312, 0.292, 0.258, 0.92, 0.95, 0.95)},
    ),
    Row(
        "B step ≥RC95",
        _both(Step()),
        {"wai-sr-c": (0.085, 0.062, 0.035, 0.48, 0.75, 0.52), "srs-v3": (0.060, 0.042, 0.021, 0.35, 0.73, 0.46)},
    ),
    Row("C drop from best ≥RC95", {"wai-sr-c": FromBest()}, {"wai-sr-c": (0.281, 0.267, 0.232, 0.78, 0.92, 0.92)}),
    Row(
        "D XmR, min 3, not screened",
        {"wai-sr-c": Xmr(fewest=3, screen=False)},
        {"wai-sr-c": (0.025, 0.033, 0.047, 0.29, 0.63, 0.48)},
    ),
    Row(
        "D XmR, min 5, not screened",
        _both(Xmr(screen=False)),
        {"wai-sr-c": (0.021, 0.028, 0.041, 0.26, 0.63, 0.48), "srs-v3": (0.034, 0.045, 0.065, 0.37, 0.73, 0.60)},
    ),
    Row(
        "D XmR, min 5, screened (`xmr/1`)",
        _both(Xmr()),
        {},
        "2.2 D screens large moving ranges; the printed figures are those without screening. Screening narrows the "
        "limits: more false alarms for nothing",
    ),
    Row(
        "D XmR, σ floor .75 s0",
        {"wai-sr-c": Xmr(floor=0.75)},
        {"wai-sr-c": (0.007, 0.009, 0.012, 0.10, 0.53, 0.33)},
    ),
    Row("E EWMA .3/2.5", {"wai-sr-c": Ewma()}, {"wai-sr-c": (0.044, 0.068, 0.095, 0.23, 0.41, 0.56)}),
    Row("F CUSUM .5/4", {"wai-sr-c": Cusum()}, {"wai-sr-c": (0.015, 0.023, 0.032, 0.19, 0.24, 0.50)}),
    Row(
        "H shrunken, ν0 = 8",
        _both(PersonalFall(nu0=8)),
        {"wai-sr-c": (0.030, 0.031, 0.029, 0.30, 0.73, 0.59), "srs-v3": (0.035, 0.035, 0.032, 0.33, 0.77, 0.63)},
    ),
    Row("H shrunken, ν0 = 6 (`alliance-policy/1`)", _both(PersonalFall()), {}, "2.6 has ν0 = 6, 2.3 had 8"),
)


def measured(protocol: Protocol, instrument: str) -> list[dict[str, Any]]:
    """The rows of one instrument: name, what was printed, and each figure with its interval."""
    standard = protocol.setting(instrument)
    once, lasting = DEPTHS[instrument]
    cohorts = {f"phi {phi}": _trial(standard, autocorrelation=phi, strain_rate=0.0) for phi in PHIS}
    calm = tuple(cohorts)
    cohorts["once"] = _trial(standard, strain_at=AT, strain_depth=once)
    cohorts["lasting"] = _trial(standard, strain_at=AT, strain_depth=lasting, strain_lasts="lasting")
    rows = []
    for row in ROWS:
        if (rule := row.rules.get(instrument)) is None:
            continue
        policy = RulePolicy("published", rule, 0.0)
        change = standard.instrument.change
        said = {
            name: np.array([policy.alarms(points, change) for points in points_of])
            for name, points_of in cohorts.items()
        }
        figures = [_rate(said[phi][:, FIRST:]) for phi in calm]
        figures += [_share(said["phi 0.3"][:, FIRST:]), _share(said["once"][:, AT - 1 : AT])]
        figures.append(_share(said["lasting"][:, AT - 1 : AT + 2]))
        printed = row.printed.get(instrument)
        rows.append(
            {
                "rule": row.name,
                "printed": list(printed) if printed else None,
                "measured": [f.to_json() for f in figures],
                "agrees": [_agrees(*each, protocol.clients) for each in zip(MEASURES, printed, figures, strict=True)]
                if printed
                else None,
                "why": row.why,
            }
        )
    return rows


def _trial(standard: Setting, **parameters: Any) -> list[list[Point]]:
    clinic = replace(Parameters(missing=0.0), **parameters)
    return trial(generate(clinic, standard.instrument, standard.clients, standard.sessions, standard.seed)).points()


def _rate(said: np.ndarray[Any, np.dtype[np.bool_]]) -> Figure:
    each = np.full(len(said), float(said.shape[1]))
    return Ratio(said.sum(axis=1).astype(float), each).figure()


def _share(said: np.ndarray[Any, np.dtype[np.bool_]]) -> Figure:
    return Ratio(said.any(axis=1).astype(float), np.ones(len(said))).figure()


def _agrees(measure: str, printed: float, figure: Figure, clients: int) -> bool:
    """Is what was printed within both Monte Carlo errors (99.9 %: the table has a hundred cells) and its rounding?"""
    rounding = 0.0005 if measure.startswith("phi") else 0.005
    both = (1 + clients / CLIENTS_THERE) ** 0.5 * 3.29 / 1.96
    low, middle, high = (v or 0.0 for v in (figure.low, figure.estimate, figure.high))
    return bool(abs(printed - middle) <= both * (high - low) / 2 + rounding)
