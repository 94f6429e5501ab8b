"""What must be said aloud of an instrument, wherever its scores are shown."""

from __future__ import annotations

from ..model import Instrument

_QUIET = {
    "group": "one member cannot tell how the group was: a fall is a notice, never pushed",
    "outcome": "measures how the client is, not the alliance: sync looks for no strain in it",
    "hope": "measures hope, not the alliance, and no risk of suicide: sync looks for no strain in it",
    "consultation": "rates a clinician over many patients, not change of one: sync looks for no strain in it",
}


def unverified(instrument: Instrument) -> str | None:
    """The warning that its key was not checked; None when it was."""
    if instrument.verified:
        return None
    if instrument.totals_only:
        return f"{instrument.id}: its key is not known; the total of the form is taken as it is"
    return f"{instrument.id}: its key is from general knowledge and was NOT verified against the form"


def alerts(instrument: Instrument) -> str:
    """What a fall of its scores leads to."""
    if instrument.purpose != "alliance":
        return _QUIET[instrument.purpose]
    if instrument.rater != "client":
        return f"rated by the {instrument.rater}: a fall is a notice, never pushed"
    return "a fall may raise a check-in with the treating clinician"


def change(instrument: Instrument) -> str | None:
    """Which constants of change are not its own; None when all are."""
    if not instrument.generic:
        return None
    names = ", ".join(instrument.generic)
    return f"generic constants of change, shares of the range, as none is published for it: {names}"


def cautions(instrument: Instrument) -> list[str]:
    """All that a reader of its scores and alerts should know, one sentence each."""
    told = [unverified(instrument)]
    told += [f"{instrument.id}: {text}" for text in (change(instrument),) if text]
    told += [] if instrument.highest_level("client") == 3 else [f"{instrument.id}: {alerts(instrument)}"]
    return [text for text in told if text]
