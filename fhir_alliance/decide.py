"""All that is decided about one patient, from what was read and what is known. Pure.

This is the middle of the loop: place → derive → plan. Around it stand reading, the store and the applier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from .alerting import AlertRules, plan_alerts
from .answers import NOTHING_HEARD, Heard
from .corroboration import Missed, corroborated
from .derive import SeriesStory, Strain, stories, strains
from .detection import SitePolicies
from .filing import Filing, filed
from .keys import Keys
from .messages import plan_messages
from .model import Assessment, Instrument, Outcome, Reading
from .placing import Placed, PlacingRules, Surroundings, place
from .plan import Action, Known, Op, plan_scores, score_contents
from .strain_note import strain_note

DOCUMENT = "DocumentReference"
ALERTS = frozenset({"Task", "Flag", "Communication", DOCUMENT, "Webhook", "Log"})
"""What an alert can be; the last two are no resources of the EHR."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What a site's settings mean for a patient.

    alert_types  what new alerts are raised as; known alerts of others are still followed
    messages     those types whose alerts are told once and never changed, with what a further message may tell
    filing       the shape of scores in the EHR
    labels       security labels to add, "system|code"
    snomed       give totals their SNOMED CT code, beside ours
    listing      list every score in a strain's document: they stand nowhere else
    scores_go_out  are scores written to the EHR now?
    version      of this program, for documents
    """

    instruments: Mapping[str, Instrument]
    policies: SitePolicies
    keys: Keys
    placing: PlacingRules
    alerts: AlertRules
    cutoffs: Mapping[str, float]
    as_of: datetime
    alert_types: frozenset[str] = frozenset({"Task"})
    messages: Mapping[str, frozenset[str]] = field(default_factory=dict)
    write_scores: bool = True
    filing: Filing = field(default_factory=Filing)
    labels: Sequence[str] = ()
    snomed: bool = False
    listing: bool = False
    scores_go_out: bool = False
    version: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read of a patient and what is known of it.

    vanished, moved  known responses that are gone, or another patient's now
    stored           the assessments of the pass before
    known            resources of ours about the patient or from its responses
    heard            what clinicians answered to its alerts
    missed           sessions that the client missed
    barred           why nothing may be told about the patient now, or ""
    """

    readings: Sequence[Reading]
    around: Surroundings
    vanished: frozenset[str]
    moved: frozenset[str]
    stored: Sequence[Assessment]
    known: Sequence[Known]
    heard: Heard = NOTHING_HEARD
    missed: Sequence[Missed] = ()
    barred: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to remember, what to set aside, and what to do.

    assessments  to remember; those in `stays` are from the pass before
    stays        responses about which nothing new is known: what was written for them stays as it is
    silent       strains that raise no alert, by reason
    unfiled      scores that are not filed, by reason
    """

    placed: Placed
    assessments: tuple[Assessment, ...]
    stays: frozenset[str]
    aside: tuple[Reading, ...]
    stories: tuple[SeriesStory, ...]
    strains: tuple[Strain, ...]
    actions: tuple[Action, ...]
    silent: Counter[str]
    unfiled: Counter[str]


def decide(evidence: Evidence, rules: Rulebook) -> Decision:
    """The whole decision about one patient."""
    placed = place(evidence.readings, rules.instruments, evidence.around, rules.placing)
    # Gone from the EHR, or no longer licensed: no fact about the client changed.
    unlicensed = {r.id for r in placed.left_out if r.code == "licence-not-attested" and r.id}
    stays = evidence.vanished | unlicensed
    assessments = (*placed.kept, *(a for a in evidence.stored if a.response in stays))
    told = stories(assessments, rules.instruments, rules.policies, cutoffs=rules.cutoffs, as_of=rules.as_of)
    found = corroborated(strains(told), evidence.missed)
    scores, unfiled = _scores(evidence, placed, stays, rules)
    standing = {k.key for k in evidence.known if k.type == "Observation" and k.standing in {"written", "foreign"}}
    standing |= {action.key for action in scores if action.op is not Op.RETRACT and rules.scores_go_out}
    alerts, silent = _alerts(evidence, found, placed, rules, standing)
    alerts = [_reported(a, told, found, rules) for a in alerts]
    return Decision(
        placed=placed,
        assessments=assessments,
        stays=stays,
        aside=tuple(_aside(evidence.readings, placed)),
        stories=tuple(told),
        strains=tuple(found),
        actions=(*scores, *alerts),
        silent=silent,
        unfiled=unfiled,
    )


def _scores(
    evidence: Evidence, placed: Placed, stays: Collection[str], rules: Rulebook
) -> tuple[list[Action], Counter[str]]:
    if not rules.write_scores:
        return [], Counter()
    inferred = rules.alerts.inferred_encounter
    flat = score_contents(
        placed.kept,
        rules.instruments,
        rules.keys,
        inferred_encounter=inferred,
        labels=rules.labels,
        snomed=rules.snomed,
    )
    wanted, unfiled = filed(flat, rules.filing, rules.keys)
    reasons = {r.id: r.reason or "" for r in placed.left_out if r.id}
    reasons |= dict.fromkeys(placed.superseded, "another response in the same session counts")
    reasons |= dict.fromkeys(evidence.moved, "the response is another patient's now")
    known = [k for k in evidence.known if k.type == "Observation"]
    return plan_scores(wanted, known, reasons=reasons, vanished=stays), unfiled


def _alerts(
    evidence: Evidence, found: Sequence[Strain], placed: Placed, rules: Rulebook, standing: Collection[str]
) -> tuple[list[Action], Counter[str]]:
    retracted = {r.id for r in placed.left_out if r.outcome is Outcome.RETRACTED and r.id}
    labels = {label for a in placed.kept for label in a.labels}
    return alert_actions(
        found,
        evidence.known,
        rules,
        heard=evidence.heard,
        retracted=retracted,
        labels=labels,
        standing=standing,
        barred=evidence.barred,
    )


def alert_actions(
    found: Sequence[Strain],
    known: Iterable[Known],
    rules: Rulebook,
    *,
    heard: Heard = NOTHING_HEARD,
    retracted: Collection[str] = (),
    labels: Collection[str] = (),
    standing: Collection[str] = (),
    barred: str = "",
) -> tuple[list[Action], Counter[str]]:
    """What becomes of the alerts about one patient, in every sink, and why some strains raise none (`plan_alerts`).

    standing  keys of the scores that stand
    barred    why nothing may be told now, "" if it may
    """
    known = [k for k in known if k.type in ALERTS]
    when = replace(rules.alerts, barred=barred)
    actions: list[Action] = []
    silent: Counter[str] = Counter()
    for type in sorted(rules.alert_types | {k.type for k in known}):
        mine = [k for k in known if k.type == type]
        if (tell := rules.messages.get(type)) is None:
            follows = type != DOCUMENT
            planned, why = plan_alerts(
                type,
                found,
                mine,
                rules.keys,
                when,
                retracted=retracted,
                follows=follows,
                heard=heard,
                scores=standing,
            )
        else:
            planned, why = plan_messages(
                type, found, mine, rules.keys, when, tell=tell, retracted=retracted, labels=labels, heard=heard
            )
        if type in rules.alert_types:
            silent |= why
            actions += planned
        else:
            actions += [a for a in planned if a.op is not Op.CREATE or a.content.event == "withdrawn"]
    return actions, silent


def _reported(action: Action, told: Sequence[SeriesStory], found: Sequence[Strain], rules: Rulebook) -> Action:
    """A document's action with the report that it holds."""
    if action.type != DOCUMENT or action.content is None:
        return action
    strain = next(s for s in found if rules.keys.alert(*s.dyad, s.assessment.response) == action.key)
    story = next(s for s in told if s.key == strain.key)
    note = strain_note(story, strain, version=rules.version, scores=rules.listing)
    return replace(action, content=replace(action.content, note=note))


def _aside(readings: Iterable[Reading], placed: Placed) -> Iterable[Reading]:
    """What goes to the quarantine: responses set aside, and scored ones of which a scale could not be scored."""
    yield from (r for r in placed.left_out if r.outcome is Outcome.SET_ASIDE)
    kept = {a.response for a in placed.kept}
    yield from (r for r in readings if r.id in kept and r.unscored)
