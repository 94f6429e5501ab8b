"""Draws a clinic, block by block of clients (`clinical.md` 5.2 and Appendix B)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError
from ..model import Instrument
from .cohort import Bytes, Cohort, Floats, Ints
from .dyads import by_dyad
from .form import Form, form
from .levels import Level, level
from .parameters import Parameters
from .standing import block_of_clients, changes, missing, standing
from .strains import place
from .streams import BLOCK, LARGEST_SEED, Purpose, Streams

MOST_SESSIONS = 1000
MOST_CLIENTS = 9_999_999


@dataclass(frozen=True)
class Block:
    """Up to `BLOCK` clients. steps [n, t, items]: the answers behind every total, those of missing forms too, as
    steps above the smallest answer. chances [n, t, 5]: uniform draws for what becomes of the paper."""

    cohort: Cohort
    steps: Ints
    chances: Floats


def generate(
    parameters: Parameters, instrument: Instrument, clients: int, sessions: tuple[int, int], seed: int
) -> Cohort:
    """A labelled cohort; each client has a number of sessions between the two given.

    The same arguments give the same cohort, on any machine. More clients leave the first ones as they are.
    ConfigError when a number is out of range.
    """
    parts = [block.cohort for block in blocks(parameters, instrument, clients, sessions, seed, answers=False)]
    names = ("values", "days", "truth", "length", "client", "dyad")
    return Cohort(instrument=instrument.id, **{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


def blocks(
    parameters: Parameters,
    instrument: Instrument,
    clients: int,
    sessions: tuple[int, int],
    seed: int,
    *,
    answers: bool = True,
) -> Iterator[Block]:
    """What `generate` joins, in its order, with the answers (no `steps` without `answers`). ConfigError as there."""
    check(clients, sessions, seed)
    the_form = form(instrument)
    the_level = level(parameters, the_form)
    for number, first in enumerate(range(0, clients, BLOCK)):
        streams = Streams(seed, number)
        length = _lengths(streams, sessions)
        change = changes(parameters, streams, length)
        values, truth, steps = _scores(parameters, the_form, the_level, streams, sessions[1], length, change)
        whole = Cohort(
            values=values.T,
            days=_days(parameters, streams, sessions[1], first),
            truth=truth.T,
            length=length,
            instrument=instrument.id,
            client=first + np.arange(BLOCK),
            dyad=np.zeros(BLOCK, np.int64),
        )
        rows = by_dyad(whole, change, min(BLOCK, clients - first))
        if not answers:
            yield Block(rows.cohort, steps[:0], values[:0])
            continue
        chances = streams[Purpose.PAPERS].random_sample((sessions[1], BLOCK, 5))
        yield Block(rows.cohort, *(rows.take(by_session.transpose(1, 0, 2)) for by_session in (steps, chances)))


def check(clients: int, sessions: tuple[int, int], seed: int) -> None:
    """ConfigError when one is out of range."""
    if not 1 <= sessions[0] <= sessions[1] <= MOST_SESSIONS:
        raise ConfigError(f"--sessions: give a number or a range like 6-20, from 1 to {MOST_SESSIONS}")
    if not 1 <= clients <= MOST_CLIENTS:
        raise ConfigError(f"--clients: give a number from 1 to {MOST_CLIENTS}")
    if not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"--seed: give a whole number from 0 to {LARGEST_SEED}")


def _scores(
    p: Parameters, form: Form, level: Level, streams: Streams, t: int, length: Ints, change: Ints
) -> tuple[Floats, Bytes, Ints]:
    """[t, BLOCK] totals and labels, and [t, BLOCK, items] steps."""
    strains = place(p, level, form, streams, t, length, change)
    latent = standing(p, block_of_clients(p, level, form, streams), strains, streams, change)
    felt = streams[Purpose.NOISE].standard_normal((*latent.shape, form.items))
    felt *= level.noise_sd
    felt += level.item_sd * streams[Purpose.ITEM].standard_normal((BLOCK, form.items))
    felt += latent[..., None]
    steps = form.steps(felt)
    values = form.totals(steps)
    values[missing(p, strains, streams)] = np.nan
    return values, strains.truth, steps


def _lengths(streams: Streams, sessions: tuple[int, int]) -> Ints:
    low, high = sessions
    u = streams[Purpose.LENGTH].random_sample(BLOCK)
    return low + np.floor(u * (high - low + 1)).astype(np.int64)


def _days(p: Parameters, streams: Streams, t: int, first: int) -> Ints:
    """[BLOCK, t] every client on a weekday of the first week, then at the interval, early or late by the jitter."""
    weekday = (np.arange(first, first + BLOCK) % p.caseload) % 5
    days = weekday + p.interval * np.arange(t)[:, None]
    if p.jitter:
        u = streams[Purpose.CALENDAR].random_sample(days.shape)
        days = days + np.floor(u * (2 * p.jitter + 1)).astype(np.int64)
    return days.T
