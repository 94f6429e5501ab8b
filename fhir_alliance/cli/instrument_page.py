"""One instrument as a page for people: key, sources, constants, licence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..model import Instrument

_PLACED = {"items", "scales", "reverse", "completeness", "total", "snomed", "rc90", "rc95", "rc99", "s0", "low"}
_TAGS = (
    "[R] read in the source  [R2] in a secondary source",
    "[M-hi] [M-lo] from memory  [C] computed  [A] our assumption",
)


def page(i: Instrument, canonicals: Sequence[str]) -> list[str]:
    """The lines to print, wrapped to the terminal."""
    from ..instruments.cautions import alerts, change

    sources = i.provenance
    rows = [
        (f"{i.id} {i.version}: {i.title}", ""),
        *_cautions(i),
        ("rated by", f"{i.rater}, {i.when}-session" if i.when != "any" else i.rater),
        ("purpose", f"{i.purpose}; {alerts(i)}"),
        ("items", _items(i)),
        ("canonical", f"{', '.join(canonicals) or 'none: map yours'}{_versions(i)}"),
        ("linkIds", f"{_links(i)}; its own total: {', '.join(i.stated_total) or 'none'}"),
        ("key", f"{i.key}, {'verified' if i.verified else 'NOT verified against the form'}"),
        ("SNOMED CT", f"{i.snomed}. {sources['snomed']}" if i.snomed else "no code known"),
        ("licence", f"{i.holder}. {i.terms}"),
        ("gated", "scored only where the site attests its licence" if i.licence_gated else "no"),
        ("Scales", ""),
        *_scales(i),
    ]
    limits = i.change
    rows.append((f"Change, in points of the total ({limits.minimum:g}-{limits.maximum:g})", ""))
    rows += [("generic", text) for text in (change(i),) if text]
    for name in ("rc90", "rc95", "rc99", "s0", "low"):
        value = getattr(limits, name)
        rows.append((name, f"{'none' if value is None else f'{value:g}'}  {sources.get(name, '')}"))
    rows += [(name.replace("_", "-"), text) for name, text in sources.items() if name not in _PLACED]
    return [*_table(rows), "", *_TAGS]


def _cautions(i: Instrument) -> list[tuple[str, str]]:
    from ..instruments.cautions import unverified

    warning = unverified(i)
    return [("CAUTION", warning)] if warning else []


def _items(i: Instrument) -> str:
    if i.totals_only:
        return f"not known: accepts a finished total only. {i.provenance['total']}"
    answers = dict.fromkeys(f"{n.minimum:g}-{n.maximum:g} in steps of {n.step:g}" for n in i.items)
    return f"{len(i.items)}, answers {', '.join(answers)}. {i.provenance['items']}"


def _versions(i: Instrument) -> str:
    return f" ({', '.join(i.questionnaire_versions)}, or no version)" if i.questionnaire_versions else ""


def _links(i: Instrument) -> str:
    if all(n.link_ids == (str(n.number),) for n in i.items):
        return f"1 to {len(i.items)}" if i.items else "not looked at"
    return ", ".join(" or ".join(n.link_ids) for n in i.items)


def _scales(i: Instrument) -> list[tuple[str, str]]:
    rows = []
    turned = {n.number for n in i.items if n.reverse}
    for s in i.scales:
        needs = f", and {', '.join(s.requires)}" if s.requires else ""
        items = ", ".join(f"{n}{'-' if n in turned else ''}" for n in s.items)
        span = f"{s.minimum:g}-{s.maximum:g}"
        text = f"{s.rule} of {items}; {span}; from {s.min_answered} answered items{needs}"
        rows.append((s.id, text if s.items else f"{s.rule}, finished; {span}"))
    rows += [("(-)", "scored from the other end")] if turned else []
    return rows + [(name, i.provenance[name]) for name in ("scales", "reverse", "completeness") if name in i.provenance]


def _table(rows: list[tuple[str, str]]) -> list[str]:
    """Headings (rows without text) and labelled text below them, wrapped to the terminal."""
    import shutil
    import textwrap

    width, column = min(shutil.get_terminal_size().columns, 120), 16
    lines: list[str] = []
    for label, text in rows:
        if not text:
            lines += ["", label] if lines else [label]
            continue
        start = f"  {label:<{column - 2}}"
        lines += textwrap.wrap(
            text, width, initial_indent=start, subsequent_indent=" " * column, break_on_hyphens=False
        )
    return lines
