"""A place for tests to kill the process: FHIR_ALLIANCE_CRASH_AT=<step>:<n> ends it, by SIGKILL, at the
n-th time that the step is reached. Without the variable nothing happens.

Steps, in the order of one patient: planned, pending, sent, done, checkpoint; then watermark.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

STEPS = ("planned", "pending", "sent", "done", "checkpoint", "watermark")
_seen: Counter[str] = Counter()


def reached(step: str) -> None:
    """Called right after the step's effect is durable."""
    target = os.environ.get("FHIR_ALLIANCE_CRASH_AT")
    if target is None:
        return
    _seen[step] += 1
    if target == f"{step}:{_seen[step]}":
        os.kill(os.getpid(), signal.SIGKILL)
