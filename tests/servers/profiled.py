"""Which scenario is shown on which vendor's profile (`like-epic`: a real server that refuses what Epic refuses), and why
not on the others.

What a profile does not take is shown by test_profiles.py, where the report says what, why, and what to switch on.
"""

from __future__ import annotations

from collections.abc import Mapping

from fhir_alliance.vendors import vendors

_ALL: dict[str, str] = {}
_OBSERVED = dict.fromkeys(("like-epic", "like-oracle", "like-athena", "like-ecw"), "takes no Observation of a survey: the series is compared in the corrections of test_profiles.py")
_TASKS = dict.fromkeys(_OBSERVED, "takes no Task, as the report says: alerts elsewhere are told in the scenario above")
_NOTHING_FILED = dict.fromkeys(("like-athena", "like-ecw"), "nothing stands in the EHR to be adopted: a webhook tells again, under other keys")
_NO_CREATES = dict.fromkeys(("like-athena", "like-ecw"), "nothing is created in the EHR; a webhook that stumbles has its own test in test_vendors.py")
_ONE_WRITE = dict.fromkeys(("like-oracle", *_NO_CREATES), "a single write or none, so that no cap is reached")
_FREE = {"like-generous": "refuses nothing: sekmet without a profile shows it"}

SHOWN: Mapping[str, Mapping[str, str]] = {
    # test_scenarios.py
    "first_pass_creates": _OBSERVED,
    "found_again_by_fhir_alone": _OBSERVED,
    "replay_writes_nothing": _ALL,
    "a_new_store_adopts_what_stands": _NOTHING_FILED,
    "amend": _OBSERVED,
    "retract_and_return": _OBSERVED,
    "a_cancelled_session_takes_its_score_back": _OBSERVED | _FREE,
    "moved_to_another_patient": _OBSERVED,
    "many_pages": _ALL,
    "cohort_by_group": _ALL,
    # test_alerts.py
    "a_strain_is_raised_worsens_and_recovers": _ALL,
    "withdrawn_when_data_change": _ALL,
    "the_clinicians_own_status_stays": _TASKS | _FREE,
    "no_alert_for_the_past": _ALL | _FREE,
    "nobody_is_told_without_one_treating_clinician": {
        "like-epic": "files no score without a session, and these have none: see no_session_no_row",
        **_FREE,
    },
    "flags_as_alerts": dict.fromkeys(_OBSERVED, "takes no Flag, as the report says") | _FREE,
    # test_writes.py
    "writes_off_then_on": _ALL,
    "a_dry_run_makes_and_moves_nothing": _ALL | _FREE,
    "the_write_cap_leaves_the_rest_planned": _ONE_WRITE | _FREE,
    "a_create_that_got_in_without_an_answer": _NO_CREATES | _FREE,
    "restart_mid_run": dict.fromkeys(_ONE_WRITE, "fewer than four writes, or none") | _FREE,
}
"""Scenario → the profiles that are left out, each with its reason."""
_ELSE = "what it refuses plays no part: sekmet shows the same"
_PROFILES = tuple(f"like-{vendor}" for vendor in vendors())


def left_out(scenario: str) -> Mapping[str, str]:
    """The profiles that do not show it."""
    return SHOWN.get(scenario, dict.fromkeys(_PROFILES, _ELSE))
