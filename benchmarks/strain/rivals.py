"""Tables of what might be better than the default: a rival in every clinic, and the ideas that were tried."""

from __future__ import annotations

from collections.abc import Iterator

from .cells import Json, head, marked, row, titled


def against(results: Json) -> Iterator[str]:
    """A rival minus the default in every clinic: per 100 sessions and in points of 100; bold where it is worse."""
    for told in results["instruments"].values():
        yield from titled(told)
        yield from head("clinic", "clients", *_COMPARED.values())
        yield from (_compared(r["clinic"] if r["stratum"] == "all" else "", r) for r in told["against"])
        yield ""
    worse, better, of = _verdict(results)
    yield f"Of {of} figures {better} are better by more than chance, {worse} are worse (bold)."


def against_short(results: Json) -> Iterator[str]:
    """The same for the clinic of the protocol alone, with strains planted and at random."""
    yield from head("", "clients", *_COMPARED.values())
    for id, told in results["instruments"].items():
        standard = list(dict.fromkeys(r["clinic"] for r in told["against"]))[:2]
        for r in told["against"]:
            if r["clinic"] in standard:
                random = ", strains at random" if r["clinic"] == standard[1] else ""
                yield _compared(f"`{id}`{random}" if r["stratum"] == "all" else "", r)


_COMPARED = {
    "false_checkins": "false check-ins per 100",
    "false_priority": "false priority per 100",
    "seen_at_onset": "seen at onset, %",
    "seen_by_2": "by +2, %",
}


def _compared(name: str, r: Json) -> str:
    return row(name, r["stratum"], *(_change(r[m], *((1, -1) if "false" in m else (100, 1))) for m in _COMPARED))


def _verdict(results: Json) -> tuple[int, int, int]:
    figures = [
        (r[m], -1 if "false" in m else 1)
        for told in results["instruments"].values()
        for r in told["against"]
        for m in _COMPARED
    ]
    worse = sum(_surely(figure, -sign) for figure, sign in figures)
    return worse, sum(_surely(figure, sign) for figure, sign in figures), len(figures)


def _surely(figure: Json, sign: int) -> bool:
    """Is the whole interval above 0 (below it for a negative sign)?"""
    return figure["low"] is not None and (figure["low"] > 0 if sign > 0 else figure["high"] < 0)


def _change(figure: Json, unit: float, good: int) -> str:
    """+0.03 (+0.01 to +0.06), in bold where that is surely worse."""
    if figure["estimate"] is None:
        return "–"
    middle, low, high = (f"{unit * figure[k]:+.2f}" for k in ("estimate", "low", "high"))
    return marked(f"{middle} ({low} to {high})", not _surely(figure, -good))


def ideas(results: Json) -> Iterator[str]:
    """What was tried, at as many false check-ins as the default: differences to it."""
    for told in results["instruments"].values():
        yield from titled(told)
        yield from head(
            "changed",
            "threshold",
            "false check-ins per 100",
            "at the ceiling",
            "false priority per 100",
            "seen at onset, %",
            "by +2, %",
            "at random: false",
            "by +2, %",
        )
        for r in told["ideas"]:
            planted, random = ({each["stratum"]: each for each in r[design]} for design in ("planted", "random"))
            yield row(
                r["idea"],
                f"{r['threshold']:.2f}",
                _change(planted["all"]["false_checkins"], 1, -1),
                _change(planted["ceiling"]["false_checkins"], 1, -1),
                _change(planted["all"]["false_priority"], 1, -1),
                _change(planted["all"]["seen_at_onset"], 100, 1),
                _change(planted["all"]["seen_by_2"], 100, 1),
                _change(random["all"]["false_checkins"], 1, -1),
                _change(random["all"]["seen_by_2"], 100, 1),
            )
        yield ""
