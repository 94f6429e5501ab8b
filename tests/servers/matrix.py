"""Which scenario is shown on which server, and why not on the others (`python -m tests.servers.matrix` prints it).

A scenario is the test function of that name. Where a server is left out there is a reason: it cannot show the scenario,
or it would show nothing new because the fault is the proxy's and its HTTP behaviour is that of a server that is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .running import RECIPES

SERVERS = tuple(RECIPES)
_TWIN = "same engine and HTTP behaviour as {}, and the fault is the proxy's"
TWINS = {
    "sekmet-stock": _TWIN.format("sekmet"),
    "sekmet-absolute": _TWIN.format("sekmet"),
    "hapi-cached": _TWIN.format("hapi"),
}
_FORGETS = "keeps its data in memory only"
_REFUSES = "refuses such a reference on write (shown as test_hapi_refuses_references_to_nowhere)"


@dataclass(frozen=True)
class Row:
    """A scenario and the servers that are left out, each with its reason."""

    about: str
    not_on: Mapping[str, str]

    @property
    def servers(self) -> tuple[str, ...]:
        return tuple(name for name in SERVERS if name not in self.not_on)


def _only(*names: str, why: str) -> dict[str, str]:
    return {name: why for name in SERVERS if name not in names}


EVERYWHERE: dict[str, str] = {}
MATRIX: dict[str, Row] = {}
