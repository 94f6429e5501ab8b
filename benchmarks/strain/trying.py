"""Each candidate against the default on the same clients, at as many false check-ins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from fhir_alliance.calibrate import Bench, bench
from fhir_alliance.detection import Policy, policy

from .candidates import IDEAS, Idea
from .comparing import differences
from .protocol import Protocol, Variant

TUNED = {"seed": 7, "clients": 2000}
"""Clients that the thresholds are set on."""
CLIENTS = 4000
"""Most clients that the candidates are judged on: they have no array form."""
STEPS = 9
STRATA = ("all", "ceiling")


def tried(protocol: Protocol, instrument: str, ideas: Sequence[Idea] = IDEAS) -> Iterator[dict[str, Any]]:
    """For each idea: its threshold, and the differences to the default with strains planted and at random."""
    few = replace(protocol, clients=min(protocol.clients, CLIENTS))
    main = few.variant(instrument, Variant("", {}))
    on = bench(replace(main, seed=TUNED["seed"], clients=min(protocol.clients, TUNED["clients"])))
    for idea in ideas:
        threshold = matched(on, idea)
        found = {
            clinic: [
                row.to_json()
                for row in differences(setting, clinic, idea.policy(threshold), policy())
                if row.stratum in STRATA
            ]
            for clinic, setting in (("planted", main), ("random", few.random(instrument)))
        }
        yield {"idea": idea.name, "threshold": threshold, **found}


def matched(on: Bench, idea: Idea) -> float:
    """The threshold at which the idea has as many false check-ins as the default."""
    wanted = _false(on, policy())
    many, few = idea.between
    for _ in range(STEPS):
        middle = (many + few) / 2
        if _false(on, idea.policy(middle)) > wanted:
            many = middle
        else:
            few = middle
    return round((many + few) / 2, 4)


def _false(on: Bench, of: Policy) -> float:
    return on.false_checkins(of).estimate or 0.0
