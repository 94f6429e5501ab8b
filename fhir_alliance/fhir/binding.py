"""Which questionnaire is which instrument, and which linkId is which item.

Only by canonical URL: never by title, acronym or item order, because acronyms are shared and the
same twelve items are keyed differently from version to version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from ..config import DEFAULT_NAMESPACE, Mapped, Questionnaires
from ..errors import ConfigError
from ..instruments import load_all, on_grid
from ..model import Instrument, Item

MOST_POINTS = 10_000
_OURS = f"{DEFAULT_NAMESPACE}/Questionnaire/"
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


@dataclass(frozen=True, slots=True)
class Binding:
    """An instrument as one questionnaire carries it.

    numbers  linkId → item number
    mapped   the site gave the linkIds, so a number that is none of them is just another question
    answers  the site's own values of coded answers ("system|code", code, or display), which then
             decide alone; None when it gave none
    missing  codes, or "system|code", of "does not apply"
    totals   linkIds of a total that the form states itself
    """

    instrument: Instrument
    numbers: Mapping[str, int]
    mapped: bool = False
    answers: Mapping[str, float] | None = None
    missing: frozenset[str] = frozenset()
    totals: tuple[str, ...] = ()
    items: Mapping[int, Item] = field(init=False)
    grids: Mapping[int, Mapping[float, float]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", {item.number: item for item in self.instrument.items})
        object.__setattr__(self, "grids", {n: _grid(i.minimum, i.maximum, i.step) for n, i in self.items.items()})


@cache
def _grid(minimum: float, maximum: float, step: float) -> Mapping[float, float]:
    """Every point of a grid, by itself: what is found here needs no rounding."""
    steps = round((maximum - minimum) / step)
    points = (round(minimum + n * step, 9) for n in range(steps + 1))
    return {point: point for point in points} if steps <= MOST_POINTS else {}


@dataclass(frozen=True, slots=True)
class Known:
    """A canonical URL that is ours, and what its versions mean. None: not accepted."""

    versions: Mapping[str, Binding]
    unversioned: Binding | None
    others: Binding | None

    def version(self, version: str | None) -> Binding | None:
        """The binding of this version (None: the response names no version)."""
        if version is None:
            return self.unversioned
        return self.versions.get(version, self.others)

    @property
    def instrument(self) -> str | None:
        """The instrument, when it is the same for every version."""
        bindings = (*self.versions.values(), self.unversioned, self.others)
        ids = {b.instrument.id for b in bindings if b}
        return ids.pop() if len(ids) == 1 else None


def split(canonical: str) -> tuple[str, str | None]:
    """URL (one trailing slash off) and version; an empty version is none."""
    url, _, version = canonical.partition("|")
    return url.removesuffix("/"), version or None


def is_relative(canonical: str) -> bool:
    """Does it hold on one server only, like Questionnaire/123?"""
    return not _ABSOLUTE.match(canonical)


class Shipped(Mapping[str, Known]):
    """The canonicals under the default namespace, with linkIds 1 to n, each made when first asked for."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments, self._made = instruments, dict[str, Known]()

    def __getitem__(self, url: str) -> Known:
        if url not in self._made:
            id = self._id(url)
            if id is None:
                raise KeyError(url)
            binding = plain_binding(self._instruments[id])
            versions = dict.fromkeys(binding.instrument.questionnaire_versions, binding)
            self._made[url] = Known(versions, binding, None)
        return self._made[url]

    def __contains__(self, url: object) -> bool:
        return isinstance(url, str) and self._id(url) is not None

    def __iter__(self) -> Iterator[str]:
        return (f"{_OURS}{id}" for id in self._instruments)

    def __len__(self) -> int:
        return len(self._instruments)

    def _id(self, url: str) -> str | None:
        id = url.removeprefix(_OURS)
        return id if id != url and id in self._instruments else None


class Bindings(Mapping[str, Known]):
    """Every canonical that is read: a site's own, then the shipped ones."""

    def __init__(self, ours: Mapping[str, Known], theirs: Mapping[str, Known]) -> None:
        self._ours, self._theirs = ours, theirs

    def __getitem__(self, url: str) -> Known:
        return self._theirs[url] if url in self._theirs else self._ours[url]

    def __contains__(self, url: object) -> bool:
        return url in self._theirs or url in self._ours

    def __iter__(self) -> Iterator[str]:
        return iter((*self._theirs, *self._ours))

    def __len__(self) -> int:
        return len(self._theirs) + len(self._ours)


def plain_binding(instrument: Instrument) -> Binding:
    """An instrument as its own file says that it is carried."""
    links = {link: i.number for i in instrument.items for link in i.link_ids}
    return Binding(
        instrument,
        links,
        mapped=instrument.totals_only or links != {str(i.number): i.number for i in instrument.items},
        answers=instrument.answers,
        missing=frozenset(instrument.missing_answers),
        totals=instrument.stated_total,
    )


def site(
    maps: Mapping[str, Questionnaires], instruments: Mapping[str, Instrument], own: Iterable[Instrument] = ()
) -> dict[str, Known]:
    """The canonicals of a site's instrument files and of its tables (name of the table → its keys); a later table
    overrides.

    ConfigError names the table or file and the key, and what is wrong with it.
    """
    ours = Shipped(load_all())
    found: dict[str, dict[str | None, Binding]] = {}
    for instrument in own:
        binding = plain_binding(instrument)
        for canonical in instrument.canonicals:
            url, version = split(canonical)
            if url in ours or version in found.get(url, {}):
                raise ConfigError(f"canonicals of {instrument.id}: {canonical!r} is another instrument's already")
            found.setdefault(url, {})[version] = binding
    defined = {(url, version) for url, by_version in found.items() for version in by_version}
    for table, questionnaires in maps.items():
        seen: set[tuple[str, str | None]] = set()
        for key, value in questionnaires.items():
            where = f'[{table}] "{key}"'
            url, version = split(key)
            if not url:
                raise ConfigError(f"{where}: give a canonical URL")
            if url in ours:
                raise ConfigError(f"{where}: shadows a canonical that is built in")
            if table == "questionnaires" and is_relative(url):
                raise ConfigError(f"{where}: a relative key belongs to its endpoint, [endpoint.NAME.questionnaires]")
            if (url, version) in seen:
                raise ConfigError(f"{where}: the same questionnaire is mapped twice")
            if (url, version) in defined:
                raise ConfigError(f"{where}: an instrument file names this questionnaire too")
            seen.add((url, version))
            found.setdefault(url, {})[version] = _bind(where, value, instruments)
    return {url: _known(by_version) for url, by_version in found.items()}


def _known(by_version: dict[str | None, Binding]) -> Known:
    anything = by_version.get(None)
    return Known({v: b for v, b in by_version.items() if v is not None}, anything, anything)


def _bind(where: str, value: str | Mapped, instruments: Mapping[str, Instrument]) -> Binding:
    name = value if isinstance(value, str) else value.instrument
    instrument = instruments.get(name)
    if instrument is None:
        raise ConfigError(f"{where}: no instrument {name!r}; there are: {', '.join(instruments)}")
    plain = plain_binding(instrument)
    if isinstance(value, str):
        return plain
    if instrument.totals_only and (value.items is not None or value.answers is not None):
        raise ConfigError(f"{where}: {name} accepts a finished total only; say where it is: total = linkId")
    if value.answers is not None:
        _check_answers(where, value.answers, instrument)
        plain = replace(plain, answers=value.answers)
    if value.missing:
        plain = replace(plain, missing=frozenset(value.missing))
    if value.items is not None:
        _check_items(where, value.items, instrument)
        plain = replace(plain, numbers=dict(value.items), mapped=True)
    if value.total is not None:
        if value.total in plain.numbers:
            raise ConfigError(f"{where}: {value.total!r} is an item and cannot be the total")
        plain = replace(plain, totals=(value.total,))
    return plain


def _check_items(where: str, items: Mapping[str, int], instrument: Instrument) -> None:
    size = len(instrument.items)
    taken: dict[int, str] = {}
    for link, number in items.items():
        if not link:
            raise ConfigError(f"{where}: an empty linkId")
        if not 1 <= number <= size:
            raise ConfigError(f"{where}: {instrument.id} has items 1 to {size}, not {number}")
        if number in taken:
            raise ConfigError(f"{where}: item {number} has two linkIds, {taken[number]!r} and {link!r}")
        taken[number] = link
    total = instrument.scale("total")
    if sum(n in taken for n in total.items) < total.min_answered:
        raise ConfigError(f"{where}: too few items are mapped for a total of {instrument.id}")


def _check_answers(where: str, answers: Mapping[str, float], instrument: Instrument) -> None:
    if not answers:
        raise ConfigError(f"{where}: answers is empty")
    for value in answers.values():
        if not any(on_grid(item, value) for item in instrument.items):
            item = instrument.items[0]
            span = f"{item.minimum:g} to {item.maximum:g} in steps of {item.step:g}"
            raise ConfigError(f"{where}: answers of {instrument.id} are {span}")
