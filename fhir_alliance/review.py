"""`review`: what a person must look at in the EHR, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from .catalogue import catalogue
from .config import Settings
from .errors import ConfigError
from .model import Assessment, Instrument
from .store.cases import Case, cases
from .store.ledger import MENDABLE
from .store.store import Store
from .wording import a

OUT_OF_USE = {"Task": "cancelled", "Communication": "entered-in-error"}
STAYS = "what stands in the EHR is out of date"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of `review`: a case, with the reason and the advice in words."""

    case: Case
    reason: str
    do: str


def review(store: Store, settings: Settings, now: datetime) -> list[Item]:
    """Everything that waits for a person, the oldest first."""
    known = catalogue(settings)
    held: dict[str, list[Assessment]] = {}
    items = []
    for case in cases(store.engine, store.base, now):
        if case.patient not in held:
            held[case.patient] = store.assessments(case.patient) if case.patient else []
        items.append(item(case, _value(case, held[case.patient], known)))
    return items


def named(items: Iterable[Item], names: Collection[str]) -> list[Case]:
    """The cases that a person means, by reference ("Observation/12") or key. ConfigError for a name that none has."""
    found = [i.case for i in items if {i.case.name, i.case.key} & set(names)]
    if wrong := sorted(set(names) - {x for case in found for x in (case.name, case.key)}):
        raise ConfigError(f"`fhir-alliance review` lists no {' and no '.join(wrong)}")
    return found


def item(case: Case, value: str = "") -> Item:
    """A case in words. `value`: what a score should say, where that is known."""
    return Item(case, *_words(case, value))


def _words(case: Case, value: str) -> tuple[str, str]:
    done, release = f"fhir-alliance review done {case.name}", f"fhir-alliance review release {case.name}"
    answered = f"the EHR refused it{f' ({case.status})' if case.status else ''}"
    if case.what == "foreign":
        do = f"Look at it there. To leave theirs: {done}. To write ours over it: {release}"
        return "somebody else changed it in the EHR; theirs was left", do
    if case.op == "create" and case.what == "refused":
        do = f"Nothing stands. Mend the cause (fhir-alliance doctor), then: {release}. To do without it: {done}"
        return answered, _again(case, do)
    if case.op == "create":
        do = f"Look for it in the EHR. One {case.type} about this must be in use; mark any other entered-in-error, "
        do += f"then: {done}. Where there is none, and one is wanted: {release}"
        return "it cannot be told whether, or as which resource, it was written", do
    why = f"{_cause(case) or answered}, so {STAYS}" + (f": {case.reason}" if case.reason else "")
    do = f"In the EHR {_mend(case, value)}, then: {done}. To try it once more from here: {release}"
    return why, _again(case, do)


def _cause(case: Case) -> str:
    """Why a change did not get in, where it was not a plain refusal."""
    causes = {
        "cannot-be-changed": f"this EHR lets nobody change {a(case.type)} by FHIR",
        "no-etag": f"the EHR gives no version of {a(case.type)}, and we change nothing blindly",
        "not-corrected": "it was said to be corrected by hand, and says what it said",
    }
    if case.what == "unknown":
        return "whether a change got in could not be found out"
    return next((causes[code] for code in case.codes if code in causes), "")


def _mend(case: Case, value: str) -> str:
    if case.op == "retract":
        return f"set its status to {OUT_OF_USE.get(case.type, 'entered-in-error')}"
    if case.type == "Observation":
        right = (
            f"set its value to {value}" if value else f"make it say what QuestionnaireResponse/{case.response} gives"
        )
        return f"{right}, or its status to entered-in-error"
    if case.type == "Task" and case.state:
        return f"set its business status to {case.state}, or its status to cancelled"
    return "bring it up to date (fhir-alliance explain tells what holds), or set its status to entered-in-error"


def _again(case: Case, do: str) -> str:
    """What a site mends without any change of data is asked for by every pass."""
    return f"Every pass asks again until the right is granted. {do}" if case.status in MENDABLE else do


def _value(case: Case, held: Iterable[Assessment], known: Mapping[str, Instrument]) -> str:
    """What the score of a case is now; "" where it is none, or not known."""
    for assessment in held:
        for score in assessment.scores if assessment.response == case.response else ():
            instrument = known.get(assessment.instrument)
            if instrument is not None and score.scale == case.scale:
                return f"{round(score.value, instrument.scale(score.scale).places):g}"
    return ""
