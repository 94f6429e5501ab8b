"""The connector itself as a Device, one per installation; only where `Device` is in write.types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import Frame, Json, Sink


@dataclass(frozen=True, slots=True)
class DeviceContent:
    """Which installation this is."""

    key: str
    version: str

    @property
    def fingerprint(self) -> str:
        """A new version is worth an update."""
        return self.version


class DeviceSink(Sink):
    """Filed once; its version follows ours."""

    type = "Device"
    kind = "device"

    def render(self, content: DeviceContent, frame: Frame) -> Json:
        """A new Device."""
        return {
            "resourceType": "Device",
            "meta": frame.tag(),
            "identifier": frame.identifier("device", content.key),
            "status": "active",
            "deviceName": [{"name": "FHIR Alliance", "type": "user-friendly-name"}],
            "version": [{"value": content.version}],
        }

    def revise(self, current: Json, content: DeviceContent, frame: Frame) -> Json:
        """The version that runs now."""
        return current | {"version": [{"value": content.version}]}

    def retract(self, current: Json, reason: str, frame: Frame) -> Json:
        """No longer in use."""
        return current | {"status": "inactive"}

    def owned(self, resource: Mapping[str, Any]) -> Json:
        """Nothing that others may not change."""
        return {}

    def compared(self, resource: Mapping[str, Any]) -> Json:
        """The version."""
        return {"version": [v.get("value") for v in resource.get("version") or [] if isinstance(v, dict)]}
