"""What a Consent permits, and when care is closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from test_plan import KEYS, RULES, alert, strain

from fhir_alliance.alerting import plan_alerts
from fhir_alliance.config import Settings
from fhir_alliance.doctor.limits import limits
from fhir_alliance.fhir.needs import needs
from fhir_alliance.fhir.permission import care_status, closed, permits
from fhir_alliance.model import EpisodeState
from fhir_alliance.plan import Op

BASES = ("https://ehr.example/fhir",)
TODAY = datetime(2026, 3, 20, 12, tzinfo=UTC)


def consent(**changed: Any) -> dict[str, Any]:
    given = {
        "resourceType": "Consent",
        "status": "active",
        "patient": {"reference": "Patient/p"},
        "category": [{"coding": [{"system": "urn:site", "code": "alliance"}]}],
        "provision": {"type": "permit"},
    }
    return {k: v for k, v in (given | changed).items() if v is not None}


@pytest.mark.parametrize("code", ["alliance", "urn:site|alliance"])
def test_an_active_consent_of_the_sites_kind_permits(code: str) -> None:
    assert permits(consent(), "Patient/p", code, TODAY, BASES) is True
    rule = {"coding": [{"system": "urn:site", "code": "alliance"}]}
    assert permits(consent(category=None, policyRule=rule), "Patient/p", code, TODAY, BASES) is True
    assert permits(consent(category=None, policy=[{"uri": code}]), "Patient/p", code, TODAY, BASES) is True


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "inactive"},
        {"status": "draft"},
        {"patient": {"reference": "Patient/other"}},
        {"patient": {"reference": "https://other.example/Patient/p"}},
        {"category": [{"coding": [{"system": "urn:site", "code": "research"}]}]},
        {"category": 7},
        {"resourceType": "Contract"},
    ],
)
def test_any_other_says_nothing(changed: dict[str, Any]) -> None:
    assert permits(consent(**changed), "Patient/p", "urn:site|alliance", TODAY, BASES) is None


@pytest.mark.parametrize(
    ("provision", "expected"),
    [
        (None, False),
        ("permit", False),
        ({"type": "deny"}, False),
        ({}, False),
        ({"type": "permit", "provision": [{"type": "deny"}]}, False),
        ({"type": "permit", "modifierExtension": [{}]}, False),
        ({"type": "permit", "period": {"start": "2026-03-21"}}, False),
        ({"type": "permit", "period": {"end": "2026-03-19"}}, False),
        ({"type": "permit", "period": {"start": "2026-03-20", "end": "2026-03-20"}}, True),
        ({"type": "permit", "period": {"start": "2026-03-20T11:59:59Z"}}, True),
        ({"type": "permit", "period": {"end": "soon"}}, False),
        ({"type": "permit", "period": {"end": "2026"}}, False),
        ({"type": "permit", "period": 7}, False),
    ],
)
def test_what_cannot_be_weighed_permits_nothing(provision: object, expected: bool) -> None:
    assert permits(consent(provision=provision), "Patient/p", "alliance", TODAY, BASES) is expected


def care(type: str, status: str | None, who: str = "Patient/p") -> dict[str, Any]:
    about = "patient" if type == "EpisodeOfCare" else "subject"
    return {"resourceType": type, about: {"reference": who}} | ({"status": status} if status else {})


@pytest.mark.parametrize(
    ("type", "statuses", "expected"),
    [
        ("EpisodeOfCare", ["finished"], True),
        ("EpisodeOfCare", ["finished", "cancelled", "entered-in-error"], True),
        ("EpisodeOfCare", ["finished", "active"], False),
        ("EpisodeOfCare", ["finished", "onhold"], False),
        ("EpisodeOfCare", ["finished", "planned"], False),
        ("EpisodeOfCare", ["entered-in-error"], False),
        ("EpisodeOfCare", [], False),
        ("CareTeam", ["inactive"], True),
        ("CareTeam", ["inactive", None], False),
        ("CareTeam", ["inactive", "active"], False),
        ("CareTeam", ["suspended"], False),
    ],
)
def test_care_is_closed_when_some_has_ended_and_none_is_open(
    type: str, statuses: list[str | None], expected: bool
) -> None:
    said = [care_status(care(type, s), "Patient/p", BASES) for s in statuses]
    others = [care_status(care(type, "active", "Patient/other"), "Patient/p", BASES)]
    assert closed([s for s in (*said, *others) if s]) is expected


def test_nothing_is_told_about_who_may_not_be_told_about() -> None:
    """No alert, no note, no higher priority, no other form; what the data no longer show is withdrawn."""
    barred = replace(RULES, barred="care is closed")
    worse, other = strain(level=3, worsened_days_ago=1), strain("q6", instrument="srs-v3", days_ago=1)
    assert plan_alerts("Task", [strain()], [], KEYS, barred) == ([], {"care is closed": 1})
    assert plan_alerts("Task", [worse, other], [alert(strain())], KEYS, barred) == ([], {"care is closed": 1})
    back = strain(state=EpisodeState.REPAIRED)
    assert plan_alerts("Task", [back], [alert(strain())], KEYS, barred)[0] == []
    (gone,), _ = plan_alerts("Task", [], [alert(strain())], KEYS, barred)
    assert gone.op is Op.RETRACT
    assert plan_alerts("Task", [strain(days_ago=40)], [], KEYS, barred)[1] == {"onset too old": 1}


def test_rights_are_asked_for_only_where_it_is_switched_on() -> None:
    def helpful(**alerts: str) -> set[str]:
        return set(needs(Settings(alerts=alerts)).helpful) - set(needs(Settings()).helpful)

    assert helpful() == set()
    assert helpful(consent="alliance") == {"Consent"}
    assert helpful(closed_care="episodes") == {"EpisodeOfCare"}
    assert helpful(closed_care="careteam", consent="x") == {"CareTeam", "Consent"}


def test_doctor_names_each_limit_with_setting_value_and_source() -> None:
    plain = {limit.limit: limit for limit in limits(Settings())}
    assert list(plain) == [
        "age of score", "go-live date", "one open alert", "alerts in a day", "missed sessions", "consent",
        "closed care", "opt-outs",
    ]  # fmt: skip
    assert all(limit.source and limit.value and limit.says.endswith(".") for limit in plain.values())
    assert "vouch" in plain["consent"].text
    on = {"consent": "urn:site|alliance", "closed_care": "episodes", "missed_sessions": True, "max_per_day": 0}
    told = {limit.limit: limit.text for limit in limits(Settings(alerts=on))}
    assert "urn:site|alliance" in told["consent"]
    assert "EpisodeOfCare" in told["closed care"]
    assert all(
        told[name] != plain[name].text for name in ("consent", "closed care", "missed sessions", "alerts in a day")
    )
