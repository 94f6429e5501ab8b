"""Which scenario is shown on which vendor's profile, and why not on the others.

`like-epic` is a real server that refuses what Epic refuses.

What a profile does not take is shown by test_profiles.py, where the report says what, why, and what to switch on.
"""

from __future__ import annotations

from collections.abc import Mapping

from fhir_alliance.vendors import vendors

_PROFILES = tuple(f"like-{vendor}" for vendor in vendors())


def _but(only: str, why: str) -> dict[str, str]:
    return {name: why for name in _PROFILES if name != only}


_ALL: dict[str, str] = {}
_VENDORS = ("like-epic", "like-oracle", "like-athena", "like-ecw")
_ELSEWHERE = _VENDORS[2:]
_OBSERVED = dict.fromkeys(_VENDORS, "takes no Observation of a survey: see corrections_reach_what_stands")
_TASKS = dict.fromkeys(_VENDORS, "takes no Task: see what_is_refused_is_told_with_what_to_set")
_FLAGS = dict.fromkeys(_VENDORS, "takes no Flag: see what_is_refused_is_told_with_what_to_set")
_NOTHING_FILED = dict.fromkeys(_ELSEWHERE, "nothing stands in the EHR that could be adopted: a webhook tells again")
_NO_CREATES = dict.fromkeys(_ELSEWHERE, "creates nothing in the EHR: see a_webhook_that_stumbles")
_FEW = dict.fromkeys(_VENDORS[1:], "a single write or none")
_ACROSS = dict.fromkeys(
    _VENDORS, "wants a patient in each search: see a_cohort_that_cannot_be_searched_is_told_with_what_to_set"
)
_REFUSES_NOTHING = dict.fromkeys(("like-generous", "like-hapi"), "refuses no type and no search")
_ELSE = "what it refuses plays no part: sekmet shows the same"
_FREE = {"like-generous": "refuses nothing: sekmet without a profile shows it"}
_FREE_TOO = _FREE | {"like-hapi": "takes everything: sekmet and hapi show it"}

SHOWN: Mapping[str, Mapping[str, str]] = {
    # test_scenarios.py
    "first_pass_creates": _OBSERVED,
    "found_again_by_fhir_alone": _OBSERVED | _FREE,
    "replay_writes_nothing": _ALL,
    "a_new_store_adopts_what_stands": _NOTHING_FILED | _FREE,
    "amend": _OBSERVED,
    "retract_and_return": _OBSERVED,
    "a_cancelled_session_takes_its_score_back": _OBSERVED | _FREE,
    "moved_to_another_patient": _OBSERVED | _FREE,
    "many_pages": _ALL,
    "cohort_by_group": _ALL,
    "cohort_by_search": _ACROSS | _FREE | {"like-hapi": _ELSE},
    "cohort_from_a_list_a_file_appointments_and_care_teams": _ACROSS | _FREE | {"like-hapi": _ELSE},
    # test_alerts.py
    "a_strain_is_raised_worsens_and_recovers": _ALL,
    "withdrawn_when_data_change": _ALL,
    "the_clinicians_own_status_stays": _TASKS | _FREE,
    "no_alert_for_the_past": _ALL | _FREE_TOO,
    "nobody_is_told_without_one_treating_clinician": {
        "like-epic": "files no score without a session, and these have none: see no_session_no_row",
        **_FREE_TOO,
    },
    "flags_as_alerts": _FLAGS | _FREE_TOO,
    # test_writes.py
    "writes_off_then_on": _ALL | _FREE,
    "a_dry_run_makes_and_moves_nothing": _ALL | _FREE_TOO,
    "the_write_cap_leaves_the_rest_planned": _FEW | _FREE_TOO,
    "a_create_that_got_in_without_an_answer": _NO_CREATES | _FREE,
    "restart_mid_run": _FEW | _FREE_TOO,
    # test_profiles.py
    "corrections_reach_what_stands": dict.fromkeys(("like-generous", "like-hapi"), "shown in test_scenarios.py"),
    "what_is_refused_is_told_with_what_to_set": _REFUSES_NOTHING,
    "a_cohort_that_cannot_be_searched_is_told_with_what_to_set": _REFUSES_NOTHING,
    "a_session_that_is_closed_takes_no_row": _but("like-epic", "has no flowsheet rows"),
    "shells_wait_and_failures_of_every_kind_lose_nothing": _but("like-oracle", "neither makes shells nor fails so"),
    "a_minute_that_is_used_up_is_waited_for": _but("like-ecw", "blocks nobody, as far as is known"),
    "a_cache_and_a_raced_create_are_not_believed": _but("like-hapi", "has no cache, as far as is known"),
    "a_profile_pages_and_names_as_its_vendor_does": _ALL,
}
"""Scenario → the profiles that are left out, each with its reason."""


def left_out(scenario: str) -> Mapping[str, str]:
    """The profiles that do not show it."""
    return SHOWN.get(scenario, dict.fromkeys(_PROFILES, _ELSE))
