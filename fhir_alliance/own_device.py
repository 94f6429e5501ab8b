"""Ourselves as a Device in the EHR, where the site wants that: what we write then refers to it."""

from __future__ import annotations

from dataclasses import replace

from . import __version__
from .apply import Applier
from .plan import Action, Op
from .sinks.device import DeviceContent
from .store.store import meta_value


def file_device(applier: Applier) -> None:
    """File or update it. The frame of the pass names it from then on."""
    if not applier.may_write("Device"):
        return
    ledger, now = applier.ledger, applier.frame.now
    content = DeviceContent(meta_value(ledger.engine, "install") or "", __version__)
    known = next((k for k in ledger.known("") if k.type == "Device" and k.key == content.key), None)
    if known is None or (known.standing == "written" and known.fingerprint != content.fingerprint):
        action = Action(Op.UPDATE if known else Op.CREATE, "Device", content.key, "", content, known)
        applier.apply(action, ledger.plan("", [action], now)["Device", content.key])
    refs = [k.resource_id for k in ledger.known("") if k.type == "Device" and k.standing == "written"]
    applier.frame = replace(applier.frame, device=f"Device/{refs[0]}" if refs else "")
