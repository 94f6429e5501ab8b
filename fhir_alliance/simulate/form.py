"""An instrument's items as arrays: from where a client stands to answers on the grid, and to a total.

Totals are those of `scoring.score` to the last bit: an answer is the double nearest to its decimal, a sum is
rounded once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..model import Instrument
from .cohort import Flags, Floats, Ints


@dataclass(frozen=True)
class Form:
    """The items of an instrument.

    lowest, range    of a typical item of the total (smallest answer, and largest less smallest)
    low, step, top   [items] smallest answer, grid, and number of steps to the largest
    reverse          [items] counted from the other end
    total            [items of the total] their places
    grid             [items, steps + 1] every possible answer
    mean             is the total the items' mean (else their sum)?
    total_only       no items are known: one stands for the total
    """

    kind: Literal["likert", "vas"]
    lowest: float
    range: float
    low: Floats
    step: Floats
    top: Ints
    reverse: Flags
    total: Ints
    grid: Floats
    mean: bool
    total_only: bool

    @property
    def items(self) -> int:
        return int(self.low.size)

    @property
    def points(self) -> float:
        """Points of the scale for a point in every item."""
        return 1.0 if self.mean else float(self.total.size)

    def steps(self, standing: Floats) -> Ints:
        """[…, items] steps above the smallest answer, for how the client feels about each item (high is good)."""
        standing -= self.low
        standing /= self.step
        np.rint(standing, out=standing)
        np.clip(standing, 0, self.top, out=standing)
        steps = standing.astype(np.int64)
        if self.reverse.any():
            steps = np.where(self.reverse, self.top - steps, steps)
        return steps

    def answers(self, steps: Ints) -> Floats:
        """[…, items] answers in the form's own coding."""
        return self.grid[np.arange(self.items), steps]

    def totals(self, steps: Ints) -> Floats:
        """[…] the total of each form."""
        answers = self.answers(steps)
        if self.reverse.any():
            ends = self.low + (self.low + self.top * self.step)
            answers = np.where(self.reverse, ends - answers, answers)
        raw = _sum(answers[..., self.total])
        return raw / self.total.size if self.mean else raw


def form(instrument: Instrument) -> Form:
    """The form of an instrument. Without known items the total itself is the only one, to its own decimals."""
    scale = instrument.scale("total")
    if not instrument.items:
        low, high, step = scale.minimum, scale.maximum, 10.0**-scale.places
        return _form(instrument.unit_hint, [(low, high, step, False)], [0], mean=False, total_only=True)
    items = [(i.minimum, i.maximum, i.step, i.reverse) for i in instrument.items]
    places = {i.number: n for n, i in enumerate(instrument.items)}
    total = [places[n] for n in scale.items]
    return _form(instrument.unit_hint, items, total, mean=scale.rule == "mean", total_only=False)


def _form(
    kind: Literal["likert", "vas"],
    items: list[tuple[float, float, float, bool]],
    total: list[int],
    *,
    mean: bool,
    total_only: bool,
) -> Form:
    top = [round((high - low) / step) for low, high, step, _ in items]
    grid = np.zeros((len(items), max(top) + 1))
    for n, (low, _, step, _) in enumerate(items):
        grid[n] = [round(low + step * k, 9) for k in range(max(top) + 1)]
    lows, highs = ([items[n][end] for n in total] for end in (0, 1))
    return Form(
        kind=kind,
        lowest=sum(lows) / len(lows),
        range=(sum(highs) - sum(lows)) / len(total),
        low=np.array([low for low, *_ in items]),
        step=np.array([step for _, _, step, _ in items]),
        top=np.array(top),
        reverse=np.array([reverse for *_, reverse in items]),
        total=np.array(total),
        grid=grid,
        mean=mean,
        total_only=total_only,
    )


def _sum(x: Floats) -> Floats:
    """Over the last axis, rounded once, like `math.fsum`: what each addition loses is kept beside (Knuth's two-sum)."""
    total = x[..., 0].copy()
    lost = np.zeros_like(total)
    for n in range(1, x.shape[-1]):
        added = x[..., n]
        new = total + added
        part = new - total
        lost += (total - (new - part)) + (added - part)
        total = new
    return total + lost
