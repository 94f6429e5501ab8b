"""From TOML to an `Instrument`: every key known, every value of its type, all problems at once."""

from __future__ import annotations

from typing import Any

from ..model import Change, Instrument, Item, Scale
from .shape import CHANGE, ITEMS, LICENCE, SCALE, TOP, TOTAL, problems

MOST_ITEMS = 500
GENERIC = {"rc90": 0.125, "rc95": 0.15, "rc99": 0.20, "s0": 0.08}
"""Constants of change for an instrument without its own, as shares of the range of its total: assumptions of the
clinical specification 2.6 ("unknown instrument")."""

_CHECKED = {name: field for name, field in TOP.items() if name != "example"}
_EXAMPLES = {"example": TOP["example"]}


def read(data: dict[str, Any]) -> tuple[Instrument | None, list[str]]:
    """The instrument, and what is wrong with the shape of its definition (None when that is too much).

    Worked examples are left to `examples.py`: a file is usable without them.
    """
    found = problems({k: v for k, v in data.items() if k not in _EXAMPLES}, _CHECKED, "")
    if found:
        return None, found
    found += problems(data["licence"], LICENCE, "licence.")
    found += problems(data.get("change", {}), CHANGE, "change.")
    found += [f"provenance.{name}: give text" for name, text in data["provenance"].items() if not isinstance(text, str)]
    if "total" in data:
        found += [f"{name}: a file with [total] has none" for name in ("items", "scale", "answers") if name in data]
        found += problems(data["total"], TOTAL, "total.")
    else:
        found += _form(data)
    return (None, found) if found else (_instrument(data), found)


def _form(data: dict[str, Any]) -> list[str]:
    lacking = [f"{name}: missing" for name in ("items", "scale") if name not in data]
    if lacking:
        return lacking
    items = data["items"]
    found = problems(items, ITEMS, "items.")
    for n, scale in enumerate(data["scale"], 1):
        found += problems(scale, SCALE, f"scale {n}: ")
    if found:
        return found
    count = items["count"]
    if not 1 <= count <= MOST_ITEMS:
        return [f"items.count: give 1 to {MOST_ITEMS}"]
    for name in ("minimum", "maximum", "step", "link_ids"):
        given = items.get(name)
        if isinstance(given, list) and len(given) != count:
            found.append(f"items.{name}: give {count}, one per item")
    absent = [n for n in items.get("reverse", ()) if not 1 <= n <= count]
    return found + [f"items.reverse: item {n} does not exist" for n in absent]


def _instrument(data: dict[str, Any]) -> Instrument:
    licence = data["licence"]
    scales = (_total(data["total"]),) if "total" in data else tuple(_scale(scale) for scale in data["scale"])
    change, generic = _change(data.get("change", {}), scales)
    share = {n: f"[A] generic: {GENERIC[n]:g} of the range; clinical specification 2.6" for n in generic}
    return Instrument(
        id=data["id"],
        version=data["version"],
        key=data["key"],
        title=data["title"],
        rater=data["rater"],
        language=data["language"],
        when=data["when"],
        unit_hint=data.get("response", "likert"),
        questionnaire_versions=tuple(data.get("questionnaire_versions", ())),
        items=_items(data["items"]) if "items" in data else (),
        scales=scales,
        change=change,
        stated_total=tuple(data.get("stated_total", ())),
        verified=data["verified"],
        licence_gated=licence["gated"],
        holder=licence["holder"],
        terms=licence["terms"],
        provenance=dict(data["provenance"]) | share,
        purpose=data["purpose"],
        totals_only="total" in data,
        canonicals=tuple(data.get("canonicals", ())),
        answers={k: float(v) for k, v in data["answers"].items()} if "answers" in data else None,
        missing_answers=tuple(data.get("missing_answers", ())),
        fillers=tuple(data.get("items", {}).get("fillers", ())),
        snomed=data.get("snomed"),
        snomed_retired=tuple(data.get("snomed_retired", ())),
        higher=data.get("higher", "better"),
        generic=generic,
    )


def _items(form: dict[str, Any]) -> tuple[Item, ...]:
    count, links = form["count"], form.get("link_ids")
    low, high, step = (_per_item(form[name], count) for name in ("minimum", "maximum", "step"))
    return tuple(
        Item(
            number=n,
            link_ids=_links(links[n - 1]) if links else (str(n),),
            minimum=low[n - 1],
            maximum=high[n - 1],
            step=step[n - 1],
            reverse=n in form.get("reverse", ()),
        )
        for n in range(1, count + 1)
    )


def _per_item(given: Any, count: int) -> list[float]:
    return [float(x) for x in given] if isinstance(given, list) else [float(given)] * count


def _links(given: str | list[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _scale(data: dict[str, Any]) -> Scale:
    notice = data.get("notice_drop")
    return Scale(
        id=data["id"],
        title=data["title"],
        items=tuple(data["items"]),
        rule=data["rule"],
        min_answered=data["min_answered"],
        minimum=float(data["minimum"]),
        maximum=float(data["maximum"]),
        places=data["places"],
        requires=tuple(data.get("requires", ())),
        notice_drop=None if notice is None else float(notice),
    )


def _total(data: dict[str, Any]) -> Scale:
    """The one scale of an instrument whose key is not known."""
    low, high = float(data["minimum"]), float(data["maximum"])
    return Scale("total", data["title"], (), data["rule"], 0, low, high, data["places"])


def _change(data: dict[str, Any], scales: tuple[Scale, ...]) -> tuple[Change, tuple[str, ...]]:
    """Constants of change on the metric of the total, and which of them are generic."""
    total = next((s for s in scales if s.id == "total"), scales[0])
    generic = tuple(name for name in GENERIC if name not in data)
    numbers = {name: float(data[name]) for name in GENERIC if name in data}
    numbers |= {name: GENERIC[name] * (total.maximum - total.minimum) for name in generic}
    low = data.get("low")
    change = Change(low=None if low is None else float(low), minimum=total.minimum, maximum=total.maximum, **numbers)
    return change, generic
