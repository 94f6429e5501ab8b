"""What the program itself says of each policy: the part of the results that `fhir_alliance/figures.json` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def figures(results: Json) -> dict[str, Any]:
    """policy → instrument → preset → figures; each figure is [estimate, low, high], no less exact than in the results:
    whoever says one rounds it, once, as the tables do."""
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
                "false_checkins": _whole(r["false_alarms_per_100"]["L2"]),
                "false_priority": _whole(r["false_alarms_per_100"]["L3"]),
                "clients_with_any": _whole(r["clients_with_any"]),
                "sessions_between": _whole(r["run_length"]),
                "fall": setting["seen_strain"]["points"],
                "found_at_once": _whole(r["seen_at_onset"]),
                "found_lasting": _whole(r["seen_by_2"]),
                "repaired_told_repaired": _whole(repair["repaired"]["repaired"]),
                "lasting_told_repaired": _whole(repair["lasting"]["repaired"]),
                "right": {percent: _whole(figure) for percent, figure in r["ppv"].items()},
                "ceiling": setting["ceiling"],
                "found_at_ceiling": _whole(ceiling[key]["seen_at_onset"]),
                "found_below_ceiling": _whole(below[key]["seen_at_onset"]),
            }
    return found


def _whole(figure: Json) -> list[float | None]:
    return [figure[k] for k in ("estimate", "low", "high")]
