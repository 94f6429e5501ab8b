"""What the program itself says of each policy: the part of the results that `fhir_alliance/figures.json` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def figures(results: Json) -> dict[str, Any]:
    """policy → instrument → preset → figures; each figure is [estimate, low, high], rounded as it may be said."""
    found: dict[str, Any] = {}
    for id, told in results["instruments"].items():
        setting = told["setting"]
        ceiling = {(r["policy"], r["preset"]): r for r in told["results"] if r["stratum"] == "ceiling"}
        below = {(r["policy"], r["preset"]): r for r in told["results"] if r["stratum"] == "below-ceiling"}
        for r in told["results"]:
            if r["stratum"] != "all":
                continue
            key = r["policy"], r["preset"]
            repair = r["repair"]
            found.setdefault(r["policy"], {}).setdefault(id, {})[r["preset"]] = {
                "false_checkins": _three(r["false_alarms_per_100"]["L2"]),
                "false_priority": _three(r["false_alarms_per_100"]["L3"]),
                "clients_with_any": _three(r["clients_with_any"]),
                "sessions_between": _three(r["run_length"]),
                "fall": setting["seen_strain"]["points"],
                "found_at_once": _three(r["seen_at_onset"]),
                "found_lasting": _three(r["seen_by_2"]),
                "repaired_told_repaired": _three(repair["repaired"]["repaired"]),
                "lasting_told_repaired": _three(repair["lasting"]["repaired"]),
                "right": {percent: _three(figure) for percent, figure in r["ppv"].items()},
                "ceiling": setting["ceiling"],
                "found_at_ceiling": _three(ceiling[key]["seen_at_onset"]),
                "found_below_ceiling": _three(below[key]["seen_at_onset"]),
            }
    return found


def _three(figure: Json) -> list[float | None]:
    return [None if figure[k] is None else round(figure[k], 3) for k in ("estimate", "low", "high")]
