"""Everything that the protocol asks for, as one JSON value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fhir_alliance.calibrate import Result, bench
from fhir_alliance.calibrate.strata import ALL
from fhir_alliance.calibrate.trying import simulated
from fhir_alliance.detection import PolicyInfo, policy

from . import published
from .comparing import everywhere
from .protocol import Protocol, judged, needs_cutoff
from .trying import tried

Say = Callable[[str], object]
RIVAL = "alliance-policy/2"
"""The policy that would be the default if it were better everywhere."""


def measured(protocol: Protocol, say: Say) -> dict[str, Any]:
    """`protocol`, then for each instrument: setting, results, curves, random, cut_off, variants, published, against,
    ideas."""
    return {
        "protocol": _plain(asdict(protocol)),
        "instruments": {id: _instrument(protocol, id, say) for id in protocol.instruments},
    }


def _instrument(protocol: Protocol, id: str, say: Say) -> dict[str, Any]:
    setting = protocol.setting(id)
    infos = judged(setting.instrument)
    say(f"{id}: {len(infos)} policies at their presets and thresholds")
    each = [info.policy(preset) for info in infos for preset in info.presets]
    told = simulated(setting, each, infos).to_json()
    say(f"{id}: the same with strains at random")
    random = simulated(protocol.random(id), each, infos).to_json()
    say(f"{id}: {RIVAL} against the default, in every clinic and stratum")
    against = [row.to_json() for row in everywhere(protocol, id, policy(RIVAL), policy())]
    say(f"{id}: what else was tried")
    ideas = list(tried(protocol, id))
    say(f"{id}: the table of the published rules")
    return {
        "title": setting.instrument.title,
        "setting": told["setting"],
        "results": [_short(r) for r in told["results"]],
        "curves": told["curves"],
        "random": random,
        "cut_off": _with_cutoff(protocol, id, infos),
        "variants": _variants(protocol, id, [info.id for info in infos], say),
        "published": published.measured(protocol, id),
        "against": against,
        "ideas": ideas,
    }


def _with_cutoff(protocol: Protocol, id: str, infos: list[PolicyInfo]) -> dict[str, Any] | None:
    """The rules that need a site's own cut-off, with one: `results` and `random` as without."""
    if (settings := protocol.with_cutoff(id)) is None:
        return None
    each = [info.policy(preset) for info in infos if needs_cutoff(info) for preset in info.presets]
    planted, random = (simulated(setting, each).to_json()["results"] for setting in settings)
    return {"cut_off": protocol.cutoffs[id], "results": [_short(r) for r in planted], "random": random}


def _variants(protocol: Protocol, id: str, policies: list[str], say: Say) -> list[dict[str, Any]]:
    rows = []
    for variant in protocol.variants:
        say(f"{id}: {variant.name}")
        on = bench(protocol.variant(id, variant))
        for name in policies:
            everyone = next(r for r in on.results(policy(name)) if r.who.stratum == ALL)
            rows.append({"variant": variant.name, "policy": name, **_main(everyone)})
    return rows


def _main(result: Result) -> dict[str, Any]:
    told = result.to_json()
    return {key: told[key] for key in ("false_alarms_per_100", "seen_at_onset", "seen_by_2")}


def _short(result: dict[str, Any]) -> dict[str, Any]:
    """The planted strains one by one for all clients only: the strata would make the file three times as long."""
    return result if result["stratum"] == ALL else {k: v for k, v in result.items() if k != "by_strain"}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
