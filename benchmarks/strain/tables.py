"""The results as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .cells import Json, head, marked, one, row, three, titled, with_interval
from .published import MEASURES


def policies(results: Json) -> Iterator[str]:
    """Every policy at every preset: all clients, and those at the ceiling; below, rules with a site's own cut-off."""
    for told in results["instruments"].values():
        yield from titled(told)
        main = told["setting"]["seen_strain"]
        yield from head(
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
        yield from _policies(told["results"], told["random"]["results"])
        if other := told["cut_off"]:
            yield from _policies(other["results"], other["random"], f", cut-off {other['cut_off']:g}")
        yield ""


def _policies(results: Sequence[Json], randoms: Sequence[Json], more: str = "") -> Iterator[str]:
    ceiling = {(r["policy"], r["preset"]): r for r in results if r["stratum"] == "ceiling"}
    random = {(r["policy"], r["preset"]): r for r in randoms if r["stratum"] == "all"}
    for r in results:
        if r["stratum"] != "all":
            continue
        high, mixed = ceiling[r["policy"], r["preset"]], random[r["policy"], r["preset"]]
        yield row(
            f"`{r['policy']}` {r['preset']} ({r['threshold']:.3g}{more})",
            with_interval(r["false_alarms_per_100"]["L2"], 2),
            with_interval(r["false_alarms_per_100"]["L3"], 2),
            with_interval(r["clients_with_any"], 2),
            with_interval(r["run_length"], 0),
            with_interval(r["seen_at_onset"], 2),
            with_interval(r["seen_by_2"], 2),
            with_interval(r["ppv"]["5"], 2),
            f"{one(high['false_alarms_per_100']['L2'], 2)}, {one(high['seen_at_onset'], 2)}",
            f"{one(mixed['false_alarms_per_100']['L2'], 2)}, {one(mixed['seen_by_2'], 2)}",
        )


def short(results: Json, policy: str = "alliance-policy/1") -> Iterator[str]:
    """The default policy in a few columns."""
    yield from head(
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
                yield row(
                    f"`{id}`, {r['preset']}",
                    with_interval(r["false_alarms_per_100"]["L2"], 1),
                    with_interval(r["false_alarms_per_100"]["L3"], 1),
                    f"{points:g}",
                    with_interval(r["seen_at_onset"], 2),
                    with_interval(r["seen_by_2"], 2),
                    ", ".join(one(r["ppv"][p], 2) for p in ("2", "5", "10")),
                )


def published(results: Json) -> Iterator[str]:
    """The table of 2.3: printed there, and measured here; what lies outside both errors is in bold."""
    for told in results["instruments"].values():
        yield from titled(told)
        yield from head("rule", *(f"{m}: printed, measured" for m in MEASURES), "why")
        for r in told["published"]:
            printed = r["printed"] or [None] * len(MEASURES)
            agrees = r["agrees"] or [True] * len(MEASURES)
            places = (3, 3, 3, 2, 2, 2)
            cells = [
                f"{'–' if p is None else f'{p:.{n}f}'}, {marked(one(f, n), ok)}"
                for p, f, ok, n in zip(printed, r["measured"], agrees, places, strict=True)
            ]
            # A remark about a difference stands where there is one; one about a rule without printed figures, always.
            yield row(r["rule"], *cells, r["why"] if not all(agrees) or not r["printed"] else "")
        yield ""


def variants(results: Json, names: Sequence[str]) -> Iterator[str]:
    """Other clinics: false check-ins, seen at onset, by +2, for some policies."""
    for told in results["instruments"].values():
        yield from titled(told)
        chosen = [n for n in names if any(r["policy"] == n for r in told["variants"])]
        yield from head("clinic", *(f"`{n}`" for n in chosen))
        standard = {r["policy"]: r for r in told["results"] if r["stratum"] == "all" and r["preset"] == "balanced"}
        yield row("as in the protocol", *(three(standard[n]) for n in chosen))
        for variant in dict.fromkeys(r["variant"] for r in told["variants"]):
            rows = {r["policy"]: r for r in told["variants"] if r["variant"] == variant}
            yield row(variant, *(three(rows[n]) for n in chosen))
        yield ""


def by_onset(results: Json) -> Iterator[str]:
    """Strains at random, seen by +2, by the session at which they begin; balanced presets."""
    for told in results["instruments"].values():
        yield from titled(told)
        yield from head("policy", "false check-ins per 100", *_groups(told), "any session")
        for r in told["random"]["results"]:
            if r["stratum"] == "all" and r["preset"] == "balanced":
                groups = [with_interval(group["seen_by_2"], 2) for group in r["by_onset"]]
                false = with_interval(r["false_alarms_per_100"]["L2"], 2)
                yield row(f"`{r['policy']}`", false, *groups, with_interval(r["seen_by_2"], 2))
        yield ""


def _groups(told: Json) -> list[str]:
    groups = told["random"]["results"][0]["by_onset"]
    return [f"session {g['first']} to {g['last']}" if g["last"] else f"session {g['first']} or later" for g in groups]
