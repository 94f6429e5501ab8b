"""What became of writes whose outcome is unknown: looked for before anything is sent again (`fhir.md` 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from .apply import Applier, version_of
from .errors import EHRError, NotFound, Refused
from .plan import BY_HAND, Op
from .sinks import Messenger, compared_hash, owned_hash
from .store.store import stamp, unstamp
from .wording import a


def find_out(applier: Applier, after: timedelta) -> set[str]:
    """Settle what can be settled. Returns the patients concerned.

    after  time between two complete searches that find nothing before a create is planned again
    """
    touched: set[str] = set()
    for row in applier.ledger.unknown():
        touched.add(row["patient"])
        try:
            settled = _find_out(applier, row, after)
        except Refused:
            if row["searched"] == BY_HAND:
                # A person looked where we cannot.
                applier.ledger.settle(row["id"], "settled", applier.clock())
                continue
            # This EHR answers no such search: nobody but a person can tell.
            applier.ledger.settle(row["id"], "review", applier.clock())
            applier.report.unknown[f"{row['type']}.{row['op']}"] += 1
            applier.report.say(f"whether {a(row['type'])} was written cannot be asked; see: fhir-alliance review")
            continue
        except EHRError:
            settled = False
        if not settled:
            applier.report.unknown[f"{row['type']}.{row['op']}"] += 1
            applier.report.say("a write's outcome is still unknown; a later pass will look again")
    return {p for p in touched if p}


def _find_out(applier: Applier, row: Mapping[str, Any], after: timedelta) -> bool:
    now, sink, ledger = applier.clock(), applier.sinks[row["type"]], applier.ledger
    if isinstance(sink, Messenger):
        # Sent again under the same key: whoever hears it twice knows it by that.
        ledger.settle(row["id"], "released", now)
        return True
    if row["op"] != Op.CREATE:
        return _find_out_update(applier, row, now)
    found, bases = applier.written(row), applier.client.bases
    if ours := applier.chosen(row["type"], found):
        same = None if compared_hash(sink, ours, bases) == row["expected"] else ""
        owned = owned_hash(sink, ours, bases)
        done = {"resource_id": str(ours["id"]), "version_id": version_of(ours), "owned": owned}
        ledger.done(row["id"], now, **done, standing="written", fingerprint=same)
        if sink.kind == "alert":
            applier.thread(row["type"], row["key"], row["patient"], row["state"], row["level"])
        return True
    if found:
        ledger.settle(row["id"], "review", now)
        applier.report.say(f"several {row['type']} resources may be one write of ours; see: fhir-alliance review")
        return True
    if row["searched"] == BY_HAND:
        ledger.settle(row["id"], "settled", now)
        return True
    if row["searched"] is None:
        ledger.settle(row["id"], "unknown", now, searched=stamp(now))
        return _find_out(applier, {**row, "searched": stamp(now)}, after) if not after else False
    if now - unstamp(row["searched"]) < after:
        return False
    ledger.settle(row["id"], "released", now)
    return True


def _find_out_update(applier: Applier, row: Mapping[str, Any], now: datetime) -> bool:
    sink, bases = applier.sinks[row["type"]], applier.client.bases
    try:
        body = applier.client.read(f"{row['type']}/{row['resource_id']}").body
    except NotFound:
        body = None
    if body is None or compared_hash(sink, body, bases) != row["expected"]:
        applier.ledger.settle(row["id"], "released", now)
        return True
    standing = "retracted" if row["op"] == Op.RETRACT else "written"
    known = {"version_id": version_of(body), "owned": owned_hash(sink, body, bases)}
    applier.ledger.done(row["id"], now, resource_id=row["resource_id"], **known, standing=standing)
    return True
