"""Where a client stands before a form is filled in: level, ordinary ups and downs, trend, strain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cohort import Flags, Floats, Ints
from .form import Form
from .levels import Level
from .parameters import LASTING, Parameters
from .strains import Strains
from .streams import BLOCK, Purpose, Streams

AT_CEILING = 2.0
"""How far above the best answer a client stands who nearly always gives it, in the client's own SD [A]."""


@dataclass(frozen=True)
class Clients:
    """A block of clients. mean [2, BLOCK] level with the first therapist and with the next, in item points;
    within [BLOCK] SD of their sessions."""

    mean: Floats
    within: Floats


def block_of_clients(parameters: Parameters, level: Level, form: Form, streams: Streams) -> Clients:
    """Levels and spreads (Appendix B: normal, and log-normal around the typical one)."""
    p = parameters
    draws = streams[Purpose.LEVEL].standard_normal((2, BLOCK))
    draws[1] = p.change_kept * draws[0] + np.sqrt(1 - p.change_kept**2) * draws[1]
    mean = level.mean + level.between_sd * draws
    within = level.within_sd * np.exp(p.within_spread * streams[Purpose.SPREAD].standard_normal(BLOCK))
    high = streams[Purpose.CEILING].random_sample(BLOCK) < p.ceiling_share
    mean[:, high] = form.lowest + form.range + AT_CEILING * within[high]
    return Clients(mean, within)


def standing(parameters: Parameters, who: Clients, strains: Strains, streams: Streams, change: Ints) -> Floats:
    """[t, BLOCK] in item points; from session `change` on with the next therapist."""
    t = len(strains.depth)
    session = np.arange(t)[:, None]
    mean = np.where(session < change, who.mean[0], who.mean[1])
    ups = _ar1(streams[Purpose.COURSE].standard_normal((t, BLOCK)), parameters.autocorrelation)
    found: Floats = mean + who.within * ups + parameters.trend * session - strains.depth
    return found


def changes(parameters: Parameters, streams: Streams, length: Ints) -> Ints:
    """[BLOCK] first session (from 0) with another therapist, which the client has; else LASTING."""
    who, when = streams[Purpose.CHANGE].random_sample((2, BLOCK))
    first = parameters.change_first - 1
    room = length - first
    at = first + np.floor(when * np.maximum(room, 1)).astype(np.int64)
    return np.where((who < parameters.change_share) & (room > 0), at, LASTING)


def missing(parameters: Parameters, strains: Strains, streams: Streams) -> Flags:
    """[t, BLOCK] sessions whose form is not returned; in a strain likelier by the factor given."""
    chance = np.where(strains.depth > 0, parameters.missing * parameters.missing_in_strain, parameters.missing)
    lost: Flags = streams[Purpose.MISSING].random_sample(chance.shape) < chance
    return lost


def _ar1(noise: Floats, phi: float) -> Floats:
    """A first-order autoregressive course of variance 1 from white noise, stationary from its first session."""
    fresh = np.sqrt(1 - phi**2)
    for n in range(1, len(noise)):
        noise[n] = phi * noise[n - 1] + fresh * noise[n]
    return noise
