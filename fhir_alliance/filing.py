"""How scores are filed: a resource per scale, a panel, components, or rows of a flowsheet (`fhir.md` 3.1, 3.5). Pure.

Whatever the shape, the Observation of a total has the key of that total: alerts point to it, and another shape
finds it again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from .keys import Keys
from .plan import Part, ScoreContent

PANEL = "panel"
NO_SESSION = "no session to file a flowsheet row to"


@dataclass(frozen=True, slots=True)
class Filing:
    """A site's choice. `rows`: "<instrument>/<scale>" → "system|code" of a flowsheet row, where rows are filed."""

    shape: Literal["flat", "panel", "components"] = "flat"
    rows: Mapping[str, str] = field(default_factory=dict)


def filed(
    contents: Mapping[str, ScoreContent], filing: Filing, keys: Keys
) -> tuple[dict[str, ScoreContent], Counter[str]]:
    """What should stand in the EHR of these flat scores, by key, and why some are not filed."""
    if filing.rows:
        return _rows(contents, filing.rows)
    if filing.shape == "flat":
        return dict(contents), Counter()
    groups: dict[tuple[str, str], list[ScoreContent]] = defaultdict(list)
    for content in contents.values():
        groups[content.response, content.instrument].append(content)
    shaped = _panel if filing.shape == "panel" else _components
    return {c.key: c for group in groups.values() for c in shaped(group, keys)}, Counter()


def _rows(
    contents: Mapping[str, ScoreContent], rows: Mapping[str, str]
) -> tuple[dict[str, ScoreContent], Counter[str]]:
    """The mapped scales, of responses that belong to a session."""
    mapped = {k: (c, row) for k, c in contents.items() if (row := rows.get(f"{c.instrument}/{c.scale}"))}
    wanted = {key: replace(c, row=row) for key, (c, row) in mapped.items() if c.encounter}
    left = len(mapped) - len(wanted)
    return wanted, Counter({NO_SESSION: left} if left else {})


def _whole(group: Sequence[ScoreContent]) -> ScoreContent:
    return next((c for c in group if c.scale == "total"), group[0])


def _panel(group: Sequence[ScoreContent], keys: Keys) -> Iterator[ScoreContent]:
    """The scales, then an Observation without a value that lists them; a single scale needs none."""
    yield from group
    if len(group) > 1:
        whole = _whole(group)
        key = keys.score(whole.patient, whole.response, whole.instrument, PANEL)
        title = f"{whole.title.partition(':')[0]}: all scales"
        members = tuple(c.key for c in group)
        yield replace(whole, key=key, scale=PANEL, title=title, value=None, snomed="", members=members)


def _components(group: Sequence[ScoreContent], keys: Keys) -> Iterator[ScoreContent]:
    """One Observation with the total as its value, as far as there is one, and a component per subscale."""
    whole = _whole(group)
    parts = tuple(
        Part(c.scale, c.title, c.value, c.places) for c in group if c.scale != "total" and c.value is not None
    )
    if whole.scale == "total":
        yield replace(whole, components=parts)
    else:
        key = keys.score(whole.patient, whole.response, whole.instrument, "total")
        title = f"{whole.title.partition(':')[0]}: subscales"
        yield replace(whole, key=key, scale="total", title=title, value=None, components=parts)
