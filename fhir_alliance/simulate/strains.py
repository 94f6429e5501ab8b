"""When strains begin, how deep they are, and when they are repaired: arrays of sessions by clients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cohort import REPAIR, STRAIN, Bytes, Flags, Floats, Ints
from .form import Form
from .levels import Level
from .parameters import LASTING, Parameters, sessions_of
from .streams import BLOCK, Purpose, Streams


@dataclass(frozen=True)
class Strains:
    """depth [t, BLOCK] item points below where the client would stand; truth [t, BLOCK] as in `Cohort`."""

    depth: Floats
    truth: Bytes


@dataclass(frozen=True)
class Plan:
    """What may begin at each session, [t, BLOCK] each: whether, how deep (item points), for how many sessions."""

    begins: Flags
    depth: Floats
    sessions: Ints


def place(
    parameters: Parameters, level: Level, form: Form, streams: Streams, t: int, length: Ints, change: Ints
) -> Strains:
    """The strains of a block of clients in t sessions.

    A strain belongs to a dyad: with another therapist (from session `change`, from 0) it is over, without a repair.
    No strain begins while another lasts, nor at the session of a repair. One that begins slowly (a slide) is labelled
    where it begins, is never repaired, and is that client's only one.
    """
    p = parameters
    plan = _planted(p, form, t) if p.strain_at is not None else _random(p, level, streams, t)
    slide = _slides(p, streams, length)
    strains = Strains(np.zeros((t, BLOCK)), np.zeros((t, BLOCK), np.int8))
    left = np.zeros(BLOCK, np.int64)
    depth = np.zeros(BLOCK)
    for n in range(t):
        left[change == n] = 0
        back = left == 1
        left = np.maximum(left - 1, 0)
        begins = plan.begins[n] & (left == 0) & ~back & (slide == LASTING)
        left = np.where(begins, plan.sessions[n], left)
        depth = np.where(begins, plan.depth[n], depth)
        strains.depth[n] = np.where(left > 0, depth, 0)
        strains.truth[n] = np.where(begins, STRAIN, np.where(back, REPAIR, 0))
    _slid(p, level, strains, slide, change)
    return strains


def _planted(p: Parameters, form: Form, t: int) -> Plan:
    deep = p.strain_depth if p.strain_depth is not None else (p.strain_points or 0) / form.points
    at = (p.strain_at or 0) - 1
    begins = np.zeros((t, BLOCK), np.bool_)
    begins[at : at + 1] = True
    shape = (t, BLOCK)
    return Plan(begins, np.full(shape, float(deep)), np.full(shape, sessions_of(p.strain_lasts)))


def _random(p: Parameters, level: Level, streams: Streams, t: int) -> Plan:
    shape = (t, BLOCK)
    begins = streams[Purpose.STRAIN].random_sample(shape) < p.strain_rate
    begins[: p.strain_first - 1] = False
    within = p.depth_low + (p.depth_high - p.depth_low) * streams[Purpose.DEPTH].random_sample(shape)
    u = streams[Purpose.DURATION].random_sample(shape)
    sessions = np.full(shape, LASTING)
    sessions[u < p.once_share + p.short_share] = 3
    sessions[u < p.once_share + p.short_share / 2] = 2
    sessions[u < p.once_share] = 1
    return Plan(begins, within * level.within_sd, sessions)


def _slides(p: Parameters, streams: Streams, length: Ints) -> Ints:
    """Session (from 0) at which a client begins to slide; LASTING for those who never do."""
    who, when = streams[Purpose.SLIDE].random_sample((2, BLOCK))
    room = length - (p.slide_first - 1)
    begins = (p.slide_first - 1) + np.floor(when * np.maximum(room, 1)).astype(np.int64)
    return np.where((who < p.slide_share) & (room > 0), begins, LASTING)


def _slid(p: Parameters, level: Level, strains: Strains, slide: Ints, change: Ints) -> None:
    if (slide == LASTING).all():
        return
    session = np.arange(len(strains.depth))[:, None]
    since = session - slide + 1
    same_dyad = (session < change) == (slide < change)
    depth = np.minimum(since * p.slide_step, p.slide_depth) * level.within_sd
    on = (since > 0) & same_dyad
    strains.depth[on] = depth[on]
    strains.truth[(since == 1) & on] = STRAIN
