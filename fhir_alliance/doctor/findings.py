"""What an examination found: one level for each check, and of what is wrong: what, why, and what to do."""

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
from ..vendors import Advice, Seen, Vendor
from .fitness import Fit


class Level(StrEnum):
    """ok: nothing to do. warn: look at it. fail: a pass cannot do its work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, how it went, and in sentences what was found; unless it is ok, also why, and what to do."""

    level: Level
    check: str
    what: str
    why: str = ""
    do: str = ""

    @property
    def says(self) -> str:
        """All of it."""
        return " ".join(filter(None, (self.what, self.why, self.do)))


@dataclass(frozen=True, slots=True)
class Form:
    """A questionnaire that was met: its canonical, the instrument that it maps to, how many responses were seen.

    code    machine word why its responses are not read although it is mapped ("unknown-version"), or None
    in_all  how many there are over all patients; None: not asked, or not told
    """

    canonical: str
    instrument: str | None
    seen: int
    code: str | None = None
    in_all: int | None = None


@dataclass(slots=True)
class Section:
    """What belongs together: this machine, or one endpoint.

    matrix  resource type → interaction → "yes", "no" or "unknown", with "*" where the configuration says so;
            only what we need
    read, write   resource type → what can be done with it, for machines
    worked  types that were searched, or read, while examining
    vendor  whose advice is told; `advice` and `screens`: what of it concerns this configuration
    away    the endpoint cannot be reached, or does not let us in
    """

    title: str
    name: str | None = None
    findings: list[Finding] = field(default_factory=list)
    matrix: dict[str, dict[str, str]] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    read: dict[str, dict[str, Any]] = field(default_factory=dict)
    write: dict[str, dict[str, Any]] = field(default_factory=dict)
    fits: list[Fit] = field(default_factory=list)
    worked: set[str] = field(default_factory=set)
    vendor: Vendor | None = None
    advice: list[Advice] = field(default_factory=list)
    screens: list[Seen] = field(default_factory=list)
    away: bool = False

    def ok(self, check: str, what: str) -> None:
        """Nothing to do."""
        self.findings.append(Finding(Level.OK, check, what))

    def warn(self, check: str, what: str, why: str, do: str) -> None:
        """Something to look at."""
        self.findings.append(Finding(Level.WARN, check, what, why, do))

    def fail(self, check: str, what: str, why: str, do: str) -> None:
        """Something to mend."""
        self.findings.append(Finding(Level.FAIL, check, what, why, do))

    def trouble(self, check: str, error: EHRError, *, do: str = "Look up its code in the EHR's documents.") -> None:
        """What an error of the EHR means here, and what to do (`do`: when it does not like the question)."""
        self.away = self.away or isinstance(error, Unreachable | Unauthorised | Throttled)
        known = (advice for kind, advice in _ADVICE.items() if isinstance(error, kind))
        why, advice = next(known, ("A pass would meet the same.", do))
        self.fail(check, _sentence(str(error)), why, advice)

    @property
    def problems(self) -> list[Finding]:
        """What is not ok, the worst first."""
        return sorted((f for f in self.findings if f.level is not Level.OK), key=lambda f: f.level is Level.WARN)


_ADVICE: Mapping[type[EHRError], tuple[str, str]] = {
    Unauthorised: (
        "The secret may be wrong or expired.",
        "Check the auth table of this endpoint: method, id, and whether the secret or key is the one for this server.",
    ),
    Forbidden: (
        "An empty 403 usually means that this API is not on the app's list, insufficient_scope that the user behind "
        "the client lacks it.",
        "Ask whoever registered the client for it, and whether the user behind the client may see such resources.",
    ),
    NotFound: ("There is nothing at that address.", "Check base_url, and whether the server has this resource type."),
    Throttled: (
        "It limits how often we may ask.",
        "Lower read.max_connections and try again in some minutes, or ask what rate is allowed.",
    ),
    Incomplete: (
        "A part must not be taken for all: passes leave out whom it concerns.",
        "Try a smaller read.page_size; if that does not help, tell the EHR's support.",
    ),
    Unreachable: (
        "No FHIR server could be talked to at base_url.",
        "Check base_url, the network and the certificate.",
    ),
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
        """For machines (`docs/reference/doctor.md`). What is found of the only endpoint stands at the top, too."""
        machine = [s for s in self.sections if s.name is None]
        endpoints = {s.name: _endpoint(s) for s in self.sections if s.name is not None}
        only = next(iter(endpoints.values())) if len(endpoints) == 1 else {}
        every = [(s.name, f) for s in self.sections for f in s.problems]
        return {
            "exit": int(self.exit_code),
            **{str(level): self.count(level) for level in Level},
            **{key: only[key] for key in _CONTRACT if key in only},
            "problems": [_problem(f, name) for name, f in sorted(every, key=lambda e: e[1].level is Level.WARN)],
            "limits": [limit for s in machine for limit in s.facts.get("limits", ())],
            "checks": [_check(f) for s in machine for f in s.findings],
            "endpoints": endpoints,
        }


_CONTRACT = ("server", "auth", "write_auth", "read", "write", "sinks", "questionnaires")


def _endpoint(section: Section) -> dict[str, Any]:
    return {
        **section.facts,
        "read": section.read,
        "write": section.write,
        "sinks": {
            "chosen": [f.to_json() for f in section.fits if f.chosen],
            "rejected": [f.to_json() for f in section.fits if not f.chosen],
        },
        "questionnaires": [_form(f) for f in section.forms],
        "capabilities": section.matrix,
        "advice": [{"about": a.about, "says": a.says} for a in section.advice],
        "checks": [_check(f) for f in section.findings],
        "problems": [_problem(f, section.name) for f in section.problems],
    }


def _form(form: Form) -> dict[str, Any]:
    counts = {"seen": form.seen, "in_all": form.in_all}
    return {"canonical": form.canonical, **counts, "instrument": form.instrument or "unmapped", "code": form.code}


def _check(finding: Finding) -> dict[str, str]:
    return {"check": finding.check, "level": str(finding.level), "says": finding.says}


def _problem(f: Finding, endpoint: str | None) -> dict[str, str | None]:
    said = {"what": f.what, "why": f.why, "do": f.do}
    return {"severity": str(f.level), **said, "check": f.check, "endpoint": endpoint}


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
