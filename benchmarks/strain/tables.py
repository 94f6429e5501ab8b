"""The results as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .published import MEASURES

Json = Mapping[str, Any]


def policies(results: Json) -> Iterator[str]:
    """Every policy at every preset: all clients, and those at the ceiling."""
    for told in results["instruments"].values():
        yield from _titled(told)
        main = told["setting"]["seen_strain"]
        yield from _head(
            "policy, preset (threshold)",
            "false check-ins per 100",
            "false priority per 100",
            "clients with any",
            "sessions between",
            f"seen at onset, {main['points']:g} points",
            "by +2, if it lasts",
            "right of check-ins, 5 %",
            "at the ceiling: false, seen at onset",
            "strains at random: false, seen by +2",
        )
        everyone = [r for r in told["results"] if r["stratum"] == "all"]
        ceiling = {(r["policy"], r["preset"]): r for r in told["results"] if r["stratum"] == "ceiling"}
        random = {(r["policy"], r["preset"]): r for r in told["random"]["results"] if r["stratum"] == "all"}
        for r in everyone:
            high, mixed = ceiling[r["policy"], r["preset"]], random[r["policy"], r["preset"]]
            yield _row(
                f"`{r['policy']}` {r['preset']} ({r['threshold']:.3g})",
                _with(r["false_alarms_per_100"]["L2"], 2),
                _with(r["false_alarms_per_100"]["L3"], 2),
                _with(r["clients_with_any"], 2),
                _with(r["run_length"], 0),
                _with(r["seen_at_onset"], 2),
                _with(r["seen_by_2"], 2),
                _with(r["ppv"]["5"], 2),
                f"{_one(high['false_alarms_per_100']['L2'], 2)}, {_one(high['seen_at_onset'], 2)}",
                f"{_one(mixed['false_alarms_per_100']['L2'], 2)}, {_one(mixed['seen_by_2'], 2)}",
            )
        yield ""


def short(results: Json, policy: str = "alliance-policy/1") -> Iterator[str]:
    """The default policy in a few columns."""
    yield from _head(
        "",
        "false check-ins per 100 scored sessions",
        "false priority check-ins",
        "strain of",
        "seen at once",
        "by two sessions later, if it lasts",
        "right, if one begins in 2, 5, 10 %",
    )
    for id, told in results["instruments"].items():
        points = told["setting"]["seen_strain"]["points"]
        for r in told["results"]:
            if r["policy"] == policy and r["stratum"] == "all":
                yield _row(
                    f"`{id}`, {r['preset']}",
                    _with(r["false_alarms_per_100"]["L2"], 1),
                    _with(r["false_alarms_per_100"]["L3"], 1),
                    f"{points:g}",
                    _with(r["seen_at_onset"], 2),
                    _with(r["seen_by_2"], 2),
                    ", ".join(_one(r["ppv"][p], 2) for p in ("2", "5", "10")),
                )


def default(results: Json, policy: str = "alliance-policy/1") -> Iterator[str]:
    """The table of the clinical specification 2.6, measured anew: each depth, lasting and not."""
    for told in results["instruments"].values():
        yield from _titled(told)
        yield from _head(
            "preset",
            "false check-ins, priority per 100",
            "strain, points",
            "lasts",
            "seen at onset",
            "by +2",
            "told repaired",
        )
        for r in told["results"]:
            if r["policy"] != policy or r["stratum"] != "all":
                continue
            false = r["false_alarms_per_100"]
            for place, strain in enumerate(r["by_strain"]):
                first = place == 0
                yield _row(
                    r["preset"] if first else "",
                    f"{_with(false['L2'], 2)}, {_with(false['L3'], 2)}" if first else "",
                    f"{strain['points']:g}",
                    {"once": "one session"}.get(strain["lasts"], "to the end"),
                    _with(strain["seen_at_onset"], 2),
                    _with(strain["seen_by_2"], 2),
                    _with(_told(strain["repair"]), 2),
                )
        yield ""


def published(results: Json) -> Iterator[str]:
    """The table of 2.3: printed there, and measured here; what lies outside both errors is in bold."""
    for told in results["instruments"].values():
        yield from _titled(told)
        yield from _head("rule", *(f"{m}: printed, measured" for m in MEASURES), "why")
        for r in told["published"]:
            printed = r["printed"] or [None] * len(MEASURES)
            agrees = r["agrees"] or [True] * len(MEASURES)
            places = (3, 3, 3, 2, 2, 2)
            cells = [
                f"{'–' if p is None else f'{p:.{n}f}'}, {_marked(_one(f, n), ok)}"
                for p, f, ok, n in zip(printed, r["measured"], agrees, places, strict=True)
            ]
            yield _row(r["rule"], *cells, r["why"])
        yield ""


def variants(results: Json, names: Sequence[str]) -> Iterator[str]:
    """Other clinics: false check-ins, seen at onset, by +2, for some policies."""
    for told in results["instruments"].values():
        yield from _titled(told)
        chosen = [n for n in names if any(r["policy"] == n for r in told["variants"])]
        yield from _head("clinic", *(f"`{n}`" for n in chosen))
        standard = {r["policy"]: r for r in told["results"] if r["stratum"] == "all" and r["preset"] == "balanced"}
        yield _row("as in the protocol", *(_three(standard[n]) for n in chosen))
        for variant in dict.fromkeys(r["variant"] for r in told["variants"]):
            rows = {r["policy"]: r for r in told["variants"] if r["variant"] == variant}
            yield _row(variant, *(_three(rows[n]) for n in chosen))
        yield ""


# -- cells ---------------------------------------------------------------------------------------


def _titled(told: Json) -> Iterator[str]:
    yield from (f"**{told['title']}**", "")


def _head(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield f"|{'---|' * len(names)}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _one(figure: Json, places: int) -> str:
    return "–" if figure["estimate"] is None else f"{figure['estimate']:.{places}f}"


def _with(figure: Json, places: int) -> str:
    """3.39 (3.25–3.54)"""
    if figure["estimate"] is None:
        return "–"
    low, high = ("" if v is None else f"{v:.{places}f}" for v in (figure["low"], figure["high"]))
    return f"{figure['estimate']:.{places}f} ({low}–{high})"


def _three(result: Json) -> str:
    figures = (result["false_alarms_per_100"]["L2"], result["seen_at_onset"], result["seen_by_2"])
    return " · ".join(_one(f, 2) for f in figures)


def by_onset(results: Json) -> Iterator[str]:
    """Strains at random, seen by +2, by the session at which they begin; balanced presets."""
    for told in results["instruments"].values():
        yield from _titled(told)
        yield from _head("policy", "false check-ins per 100", *_groups(told), "any session")
        for r in told["random"]["results"]:
            if r["stratum"] == "all" and r["preset"] == "balanced":
                groups = [_with(group["seen_by_2"], 2) for group in r["by_onset"]]
                false = _with(r["false_alarms_per_100"]["L2"], 2)
                yield _row(f"`{r['policy']}`", false, *groups, _with(r["seen_by_2"], 2))
        yield ""


def _groups(told: Json) -> list[str]:
    groups = told["random"]["results"][0]["by_onset"]
    return [f"session {g['first']} to {g['last']}" if g["last"] else f"session {g['first']} or later" for g in groups]


def _told(repair: Json) -> Json:
    known: Iterable[Json] = (ends["repaired"] for ends in repair.values() if ends["repaired"]["estimate"] is not None)
    return next(iter(known), {"estimate": None})


def _marked(text: str, agrees: bool) -> str:
    return text if agrees else f"**{text}**"
