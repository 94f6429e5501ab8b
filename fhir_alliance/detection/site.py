"""Which policy alerts for which instrument at a site."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from ..errors import ConfigError
from .policy import Policy
from .registry import info, policy


class SitePolicies(Struct, frozen=True):
    """The site's policy, and others by id of the instrument that they are for."""

    usual: Policy
    others: Mapping[str, Policy] = field(default_factory=dict)

    def of(self, instrument: str) -> Policy:
        """The policy that judges this instrument's scores."""
        return self.others.get(instrument, self.usual)


def site_policies(usual: str, others: Mapping[str, str], preset: str) -> SitePolicies:
    """The policies by their ids, all at one sensitivity. ConfigError when one may not alert."""
    if wrong := unfit(usual, others, preset):
        raise ConfigError(wrong)
    return SitePolicies(policy(usual, preset=preset), {i: policy(id, preset=preset) for i, id in others.items()})


def unfit(usual: str, others: Mapping[str, str], preset: str) -> str | None:
    """Why a site cannot be alerted by these policies at this preset, in one line; None when it can."""
    for instrument, id in [(None, usual), *others.items()]:
        try:
            found = info(id)
            found.policy(preset)
        except ConfigError as error:
            return str(error)
        if not found.push:
            return f"{id} looks back over whole series: for reports (`detect`), never for alerts"
        if instrument is None and found.instruments is not None:
            return f"{id} is for {', '.join(found.instruments)} only: name it for these, [detection.policies]"
        if instrument is not None and (why := found.refuses(instrument)):
            return why
    return None
