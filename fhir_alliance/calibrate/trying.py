"""Policies tried on simulated clients or on given series: everything that `calibrate` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from textwrap import wrap
from typing import Any, Literal

from ..detection import Policy, PolicyInfo
from ..errors import ConfigError
from ..model import Instrument
from ..series import Problem
from ..simulate import Parameters
from ..simulate.parameters import flag
from .bench import Bench, bench
from .curve import Curve, curve
from .files import given
from .report import alert_blocks, blocks, comparison, strains
from .result import AlertRates, Json, Result
from .setting import CLIENTS, RANDOM, SEED, SESSIONS, Setting, near_ceiling
from .strata import strata

NO_TRUTH = "{column}: nobody can tell which alerts were false, or which strains were missed. Rates of alerts only."
SCALE = "Figures with 95 % intervals; clients, not sessions, are the sample."


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for of the simulation; None: the default. clinic: generator parameters by name."""

    design: str | None
    clients: int | None
    sessions: tuple[int, int] | None
    seed: int | None
    clinic: Mapping[str, Any]

    def setting(self, instrument: Instrument, bands: tuple[float, ...], cutoff: float | None = None) -> Setting:
        """The design in full; `cutoff`: the site's own. ConfigError when it does not go together."""
        random = [name for name in self.clinic if name in RANDOM]
        design: Literal["planted", "mixed"] = "mixed" if random else "planted"
        if self.design == "planted" and random:
            raise ConfigError(f"{flag(random[0])} is about strains at random: it needs --design mixed")
        if self.design == "mixed":
            design = "mixed"
        elif self.design not in {None, "planted"}:
            raise ConfigError("--design: give planted or mixed")
        if design == "mixed" and "strain_at" in self.clinic:
            raise ConfigError("--strain-at plants one strain in all clients: it does not go with strains at random")
        return Setting(
            instrument,
            Parameters(**self.clinic),
            design,
            CLIENTS if self.clients is None else self.clients,
            self.sessions or SESSIONS,
            SEED if self.seed is None else self.seed,
            bands,
            cutoff,
        )

    def nothing(self) -> None:
        """ConfigError when anything was asked for."""
        names = [*(f.name for f in fields(self) if f.name != "clinic" and getattr(self, f.name) is not None)]
        if names := [*names, *self.clinic]:
            raise ConfigError(f"{flag(names[0])} is about simulated clients; the files bring their own")


@dataclass(frozen=True, slots=True)
class Tried:
    """setting: as JSON; heading: the same in a few lines. curves are empty unless they were asked for."""

    instrument: Instrument
    setting: Json
    heading: tuple[str, ...]
    results: tuple[Result | AlertRates, ...]
    curves: tuple[Curve, ...] = ()
    problems: tuple[tuple[str, Problem], ...] = ()

    def to_json(self) -> Json:
        """One object."""
        told: Json = {"setting": self.setting, "results": [r.to_json() for r in self.results]}
        if self.curves:
            told["curves"] = [c.to_json() for c in self.curves]
        return told

    def text(self) -> Iterator[str]:
        """Lines of at most 80 columns."""
        yield from self.heading
        yield SCALE
        whole = [r for r in self.results if isinstance(r, Result)]
        alone = [r for r in self.results if isinstance(r, AlertRates)]
        everyone = [r for r in whole if r.who.stratum == "all"]
        if len(everyone) > 1:
            yield ""
            yield from comparison(everyone)
        for first in [r for r in self.results if r.who.stratum == "all"]:
            same = (first.who.policy, first.who.preset)
            yield from ("", f"{first.who.policy}, {first.who.preset} ({first.who.threshold:g})")
            yield from blocks([r for r in whole if (r.who.policy, r.who.preset) == same])
            yield from alert_blocks([r for r in alone if (r.who.policy, r.who.preset) == same])
            if isinstance(first, Result):
                yield from strains(first)
        yield from (f"set aside: {name}: {problem.reason}" for name, problem in self.problems)


def simulated(setting: Setting, policies: Sequence[Policy], curves: Sequence[PolicyInfo] = ()) -> Tried:
    """The policies on the cohorts of a setting; those in `curves` over their thresholds too."""
    on = bench(setting)
    return Tried(
        setting.instrument,
        dict(setting.to_json()),
        tuple(_simulated_heading(setting)),
        tuple(r for p in policies for r in on.results(p)),
        tuple(curve(on, info) for info in curves),
    )


def on_files(
    instrument: Instrument,
    files: Sequence[tuple[str, bytes]],
    policies: Sequence[Policy],
    bands: tuple[float, ...] = (),
    curves: Sequence[PolicyInfo] = (),
    cutoff: float | None = None,
) -> Tried:
    """The policies on given series (name and content of each file); `cutoff`: the site's own. ConfigError when there
    is no series, or when a curve is wanted and no truth is there."""
    found = given(files, instrument.change)
    if curves and not found.truth:
        raise ConfigError("a picture of detection against false alarms needs the column truth")
    ceiling = near_ceiling(instrument)
    on = Bench(instrument.change, strata(ceiling, bands), found.trial, {}, cutoff=cutoff)
    series, sessions = len(found.trial.length), int(found.trial.length.sum())
    heading = [
        f"Strain policies on given series · {instrument.id}",
        f"{series:,} series, {sessions:,} sessions, {int(found.trial.sample.scored.sum()):,} of them scored",
    ]
    setting: Json = {
        "instrument": instrument.id,
        "design": "files",
        "truth": found.truth,
        "files": found.files,
        "series": series,
        "sessions": sessions,
        "ceiling": ceiling,
        "bands": list(bands),
        "cut_off": cutoff,
        "set_aside": [{"file": name, "series": p.series, "at": p.at, "reason": p.reason} for name, p in found.problems],
    }
    heading += _cutoff(cutoff)
    results: tuple[Result | AlertRates, ...]
    if found.truth:
        results = tuple(r for p in policies for r in on.results(p))
    else:
        part = "" if found.untold == found.files else f" in {found.untold} of {found.files} files"
        setting["note"] = note = NO_TRUTH.format(column=f"No truth column{part}")
        heading += wrap(note, 80)
        results = tuple(r for p in policies for r in on.alert_rates(p))
    drawn = tuple(curve(on, info) for info in curves)
    return Tried(instrument, setting, tuple(heading), results, drawn, found.problems)


def _simulated_heading(setting: Setting) -> Iterator[str]:
    p, (low, high) = setting.parameters, setting.sessions
    sessions = f"{low}" if low == high else f"{low} to {high}"
    yield f"Strain policies on simulated clients · {setting.instrument.id}"
    yield (
        f"{setting.clients:,} clients, {sessions} sessions, {100 * p.missing:g} % of forms missing, "
        f"autocorrelation {p.autocorrelation:g}"
    )
    yield from _cutoff(setting.cutoff)
    if setting.design == "mixed":
        yield "False alarms outside strains; strains at random, as the generator was told"
        return
    main = setting.main()
    lasting = "to the end" if main.lasts == "lasting" else f"lasting {main.lasts}"
    yield "False alarms: clients without any strain"
    points = "1 point" if main.points == 1 else f"{main.points:g} points"
    yield f"Seen: {points} below usual from session {setting.at}, {lasting}"


def _cutoff(cutoff: float | None) -> list[str]:
    return [] if cutoff is None else [f"Cut-off: a score below {cutoff:g}"]
