"""What an examination found: one level and one plain sentence for each check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..errors import (
    EHRError,
    Exit,
    Forbidden,
    Incomplete,
    NotFound,
    Throttled,
    Unauthorised,
    Unreachable,
)


class Level(StrEnum):
    """ok: nothing to do. warn: look at it. fail: a pass cannot do its work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, how it went, and a sentence that says what was found and what to do."""

    level: Level
    check: str
    says: str


@dataclass(frozen=True, slots=True)
class Form:
    """A questionnaire that was met: its canonical, the instrument that it maps to, how many responses.

    code  machine word why its responses are not read although it is mapped ("unknown-version"), or None
    """

    canonical: str
    instrument: str | None
    responses: int
    code: str | None = None


@dataclass(slots=True)
class Section:
    """What belongs together: this machine, or one endpoint.

    matrix  resource type → interaction → "yes", "no" or "unknown", with "*" where the configuration says so;
            only what we need
    away    the endpoint cannot be reached, or does not let us in
    """

    title: str
    name: str | None = None
    findings: list[Finding] = field(default_factory=list)
    matrix: dict[str, dict[str, str]] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    away: bool = False

    def add(self, level: Level, check: str, says: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(level, check, says))

    def ok(self, check: str, says: str) -> None:
        """Nothing to do."""
        self.add(Level.OK, check, says)

    def warn(self, check: str, says: str) -> None:
        """Something to look at."""
        self.add(Level.WARN, check, says)

    def fail(self, check: str, says: str) -> None:
        """Something to mend."""
        self.add(Level.FAIL, check, says)

    def trouble(self, check: str, error: EHRError, *, refused: str = "A pass would meet the same.") -> None:
        """What an error of the EHR means here, and what to do (`refused`: when it does not like the question)."""
        self.away = self.away or isinstance(error, Unreachable | Unauthorised | Throttled)
        advice = next((text for kind, text in _ADVICE.items() if isinstance(error, kind)), refused)
        self.fail(check, f"{_sentence(str(error))} {advice}")


_ADVICE: Mapping[type[EHRError], str] = {
    Unauthorised: "Check the auth table of this endpoint: the secret may be wrong or expired.",
    Forbidden: "Ask for this right; an empty 403 usually means that this API is not on the app's list, "
    "insufficient_scope that the user behind the client lacks it.",
    NotFound: "Check base_url, and whether the server has this resource type.",
    Throttled: "Try again later, or ask what rate is allowed.",
    Incomplete: "Until this is mended, passes leave out whom it concerns.",
    Unreachable: "Check base_url, the network and the certificate.",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The whole examination."""

    sections: tuple[Section, ...]

    @property
    def exit_code(self) -> Exit:
        """4 when an EHR is out of reach, else 5 when something fails, else 0."""
        if any(section.away for section in self.sections):
            return Exit.EHR
        return Exit.CHECK if self.count(Level.FAIL) else Exit.DONE

    def count(self, level: Level) -> int:
        """How many findings are of this level."""
        return sum(finding.level is level for section in self.sections for finding in section.findings)

    def to_json(self) -> dict[str, Any]:
        """For machines. `endpoints` by name; `checks` of this machine beside them."""
        machine = [s for s in self.sections if s.name is None]
        return {
            "exit": int(self.exit_code),
            "ok": self.count(Level.OK),
            "warn": self.count(Level.WARN),
            "fail": self.count(Level.FAIL),
            "checks": [_finding(f) for s in machine for f in s.findings],
            "endpoints": {
                s.name: {
                    **s.facts,
                    "capabilities": s.matrix,
                    "questionnaires": [
                        {"canonical": f.canonical, "instrument": f.instrument, "responses": f.responses, "code": f.code}
                        for f in s.forms
                    ],
                    "checks": [_finding(f) for f in s.findings],
                }
                for s in self.sections
                if s.name is not None
            },
        }


def _finding(finding: Finding) -> dict[str, str]:
    return {"check": finding.check, "level": str(finding.level), "says": finding.says}


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
