"""Which scenario is shown on which server, and why not on the others (`python -m tests.servers.matrix` prints it).

A scenario is the test function of that name. Where a server is left out there is a reason: it cannot show the scenario,
or it would show nothing new because the fault is the proxy's and its HTTP behaviour is that of a server that is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from . import profiled
from .running import RECIPES

SERVERS = tuple(RECIPES)
_TWIN_OF = {"sekmet-stock": "sekmet", "sekmet-absolute": "sekmet", "sekmet-smart": "sekmet", "hapi-cached": "hapi"}
TWINS = {name: f"the same engine as {twin}; what sets it apart plays no part" for name, twin in _TWIN_OF.items()}
FAULTS = {name: f"the proxy makes the fault, and {twin} answers like it otherwise" for name, twin in _TWIN_OF.items()}
SIGNED_IN = {"sekmet-smart": "signing in shows in test_scenarios, test_alerts, test_writes, test_searches, test_smart"}
CACHED = {
    "hapi-cached": "its cache shows where data change between passes: first pass, replay, amend, retract, alerts",
}
CACHE = {**CACHED, **SIGNED_IN}
WATERMARK = {
    **TWINS,
    "sekmet-stock": "does not list QuestionnaireResponse in /metadata",
    "medplum": "its /metadata lists no types",
}
SIGNED_TWINS, SIGNED_FAULTS, SIGNED_WATERMARK = (
    {name: why for name, why in left_out.items() if name != "sekmet-smart"} for left_out in (TWINS, FAULTS, WATERMARK)
)
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
SMART = _only("sekmet-smart", why="has no authorisation server")
FAST = _only("sekmet", why="about the product alone: no real server's answer plays a part; one shows it")
PROFILE = _only(why="about the ways of a vendor's EHR, which stands in front of it as like-…")
SIGNED_FAST = {name: why for name, why in FAST.items() if name != "sekmet-smart"}

MATRIX: dict[str, Row] = {
    # test_scenarios.py
    "first_pass_creates": Row("first pass creates", EVERYWHERE),
    "found_again_by_fhir_alone": Row("tools that know only FHIR find series and alerts", CACHED),
    "replay_writes_nothing": Row("replay writes nothing", EVERYWHERE),
    "a_new_store_adopts_what_stands": Row("lost store: what stands is adopted", CACHED),
    "amend": Row("amended response", EVERYWHERE),
    "a_new_date_is_written_too": Row("another date, same score", SIGNED_TWINS),
    "retract_and_return": Row("entered in error, and back", EVERYWHERE),
    "a_cancelled_session_takes_its_score_back": Row("session cancelled", SIGNED_TWINS),
    "moved_to_another_patient": Row("response moved to another patient", CACHED),
    "merged_patients_and_merged_encounters": Row("merged patients and encounters", SIGNED_TWINS),
    "vanished_is_reported_never_deleted": Row("response deleted", SIGNED_TWINS),
    "many_pages": Row("paging over more than 3 pages", CACHED),
    "absolute_and_versioned_references": Row(
        "absolute and versioned references",
        {"medplum": "its search by patient finds relative references only", "hapi": _REFUSES, "hapi-cached": _REFUSES},
    ),
    "dangling_and_foreign_references": Row(
        "dangling and foreign references", {"hapi": _REFUSES, "hapi-cached": _REFUSES}
    ),
    "hapi_refuses_references_to_nowhere": Row(
        "dangling and foreign references are refused", _only("hapi", why="accepts them, see the row above")
    ),
    "a_session_of_another_patient": Row("another patient's session", SIGNED_TWINS),
    "ignored_search_parameters": Row(
        "server ignores search parameters",
        _only("sekmet-stock", why="applies them; see another_patients_responses_among_the_results"),
    ),
    "nobodys_responses_are_told_once": Row(
        "a response without a patient among everybody's",
        _only("sekmet-stock", why="applies them; see malformed_responses"),
    ),
    "a_cached_search_is_not_believed": Row("search cache", _only("hapi-cached", why="answers no search from a cache")),
    "cohort_by_group": Row("cohort from a Group", SIGNED_TWINS),
    "cohort_by_search": Row("cohort from a search", SIGNED_TWINS),
    "cohort_from_a_list_a_file_appointments_and_care_teams": Row(
        "cohort from a List, a file, Appointments, CareTeams", SIGNED_TWINS
    ),
    # test_alerts.py
    "a_strain_is_raised_worsens_and_recovers": Row("alert raised, worsened, recovered", EVERYWHERE),
    "a_task_from_beginning_to_end": Row("the same, in each element of the Task", SIGNED_TWINS),
    "withdrawn_when_data_change": Row("alert withdrawn", EVERYWHERE),
    "the_clinicians_own_status_stays": Row("clinician answers the Task", SIGNED_TWINS),
    "no_alert_for_the_past": Row("old strains raise no alert", SIGNED_TWINS),
    "nobody_is_told_without_one_treating_clinician": Row("no treating clinician, no alert", SIGNED_TWINS),
    "flags_as_alerts": Row("Flags instead of Tasks", SIGNED_TWINS),
    "a_task_points_to_its_score_once_that_stands": Row("Tasks before scores", FAST),
    "a_dry_run_shows_a_task_that_points_to_its_score": Row("dry run: what a Task points to", FAST),
    # test_searches.py
    "a_lagging_index": Row("lagging search", SIGNED_FAULTS),
    "a_replica_that_knows_nothing": Row("empty replica", SIGNED_FAULTS),
    "a_known_response_left_out_of_a_search": Row("incomplete search", SIGNED_FAULTS),
    "a_page_expires": Row("page expires", SIGNED_FAULTS),
    "a_walk_that_repeats_itself": Row("next leads in a circle", SIGNED_FAULTS),
    "a_next_link_to_another_host": Row("next leads to another host", SIGNED_FAULTS),
    "another_patients_responses_among_the_results": Row("another patient's responses among the results", SIGNED_FAULTS),
    "a_watermark_where_it_is_declared": Row("watermark where declared", SIGNED_WATERMARK),
    "no_watermark_where_it_is_not_declared": Row("no watermark where not declared", SIGNED_FAULTS),
    "a_declared_watermark_that_is_ignored": Row("declared and ignored _lastUpdated", SIGNED_FAULTS),
    "the_active_in_every_pass_the_quiet_at_times": Row("quiet patients on a slower cycle", SIGNED_FAST),
    "a_window_of_dates_where_nothing_better_is_declared": Row("clinical window", SIGNED_FAULTS),
    "what_the_overlap_brings_again_is_no_change": Row("the overlap, unchanged", SIGNED_WATERMARK),
    "a_version_that_was_not_read_counts": Row("one search is ahead of another", SIGNED_WATERMARK),
    # test_shadow.py
    "a_shadow_writes_nothing_and_tells_everything": Row("shadow mode", FAST),
    "a_shadow_knows_the_sinks_the_cap_the_date_and_the_roster": Row("shadow mode follows the settings", FAST),
    "a_shadow_is_what_passes_would_have_written": Row("shadow mode equals real passes, session by session", FAST),
    # test_reconcile.py
    "reconcile_tells_and_writes_nothing_until_asked": Row("reconcile", TWINS),
    "a_lost_store_is_rebuilt_from_the_ehr": Row("rebuild", TWINS),
    "a_site_that_stops_withdraws_everything": Row("withdraw --all", TWINS),
    "a_patient_is_forgotten_here_only": Row("forget", FAST),
    "whoever_was_merged_is_forgotten_as_one": Row("forget after a merge", FAST),
    "withdraw_counts_what_it_can_withdraw": Row("withdraw --all: what it counts, and no", FAST),
    "what_is_left_of_a_reconciliation_is_told": Row("reconcile --apply with writing off", FAST),
    # test_vendors.py
    "a_profile_is_complete": Row("vendor profiles: data", FAST),
    "forms_are_read_and_scored_whatever_the_vendor": Row("vendor profiles: reading", FAST),
    "scores_are_written_or_the_refusal_is_told_once": Row("vendor profiles: writing", FAST),
    "every_profile_has_its_fitting_sinks": Row("vendor profiles: sinks, data", FAST),
    "scores_and_alerts_stand_where_the_vendor_takes_them": Row("vendor profiles: with sinks that fit", FAST),
    "a_message_for_each_turn_of_a_strain": Row("messages that are never changed", FAST),
    "a_report_per_strain_in_plain_text": Row("a document per strain", FAST),
    "no_session_no_row": Row("no session, no flowsheet row", FAST),
    "nothing_twice_after_a_crash": Row("vendor profiles: kill -9 at each ledger step", FAST),
    "a_row_whose_identifier_was_not_kept": Row("unknown write, no identifier kept", FAST),
    "a_row_that_the_vendor_has_already": Row("vendor's own duplicate", FAST),
    "what_cannot_be_changed_is_listed_for_a_person": Row("review: what cannot be changed", FAST),
    "a_refused_change_is_sent_once_more_when_a_person_says_so": Row("review: release", FAST),
    "what_somebody_else_changed_is_for_a_person_to_decide": Row("review: changed by somebody else", FAST),
    "a_webhook_that_stumbles": Row("webhook fails, then works", FAST),
    "the_main_switch_holds_back_a_webhook": Row("webhook and the main switch", FAST),
    "a_panel_and_components": Row("panel, components", TWINS),
    "who_made_what_is_accounted_for": Row("Provenance, AuditEvent", TWINS),
    "audit_events_fail_nothing": Row("AuditEvents refused", FAST),
    "a_site_that_stops_takes_its_messages_back": Row("withdraw --all of messages", FAST),
    # test_ways.py
    "searches_by_post": Row(
        "searches by POST", {"medplum": "its skin, which is ours, gives no further pages of them", **TWINS}
    ),
    "a_watermark_by_days": Row("watermark by days", TWINS),
    # test_profiles.py
    "corrections_reach_what_stands": Row("corrections, wherever scores stand", PROFILE),
    "what_is_refused_is_told_with_what_to_set": Row("what a vendor refuses: what, why, what to set", PROFILE),
    "a_cohort_that_cannot_be_searched_is_told_with_what_to_set": Row("no search across patients: what to set", PROFILE),
    "a_session_that_is_closed_takes_no_row": Row("closed session, no flowsheet row", PROFILE),
    "shells_wait_and_failures_of_every_kind_lose_nothing": Row("forms without answers, 500 for everything", PROFILE),
    "a_minute_that_is_used_up_is_waited_for": Row("429 for the rest of the minute", PROFILE),
    "a_cache_and_a_raced_create_are_not_believed": Row("search cache, raced conditional create", PROFILE),
    "a_profile_pages_and_names_as_its_vendor_does": Row("paging, ids, order of each vendor", PROFILE),
    # test_doctor.py
    "the_pages_say_what_doctor_prints": Row(
        "what doctor prints is in the docs", _only("sekmet", "hapi", "medplum", why="its page would say the same")
    ),
    "what_a_profile_does_not_take_is_told_with_what_to_set": Row("doctor: what is refused, and what to set", FAST),
    "the_settings_to_begin_with_leave_nothing_to_mend": Row("doctor: the settings that it advises", FAST),
    # test_lifecycle.py
    "each_turn_in_each_sink": Row("the life of an alert in every sink", FAST),
    "one_recipient_or_none": Row("one recipient or none, in every sink", FAST),
    "labels_of_the_session_count_like_the_forms_own": Row("security labels of the session", FAST),
    "labels_are_copied_and_added": Row("security labels on all that is written", FAST),
    "a_forbidding_label_keeps_a_form_out": Row("psychotherapy notes and Part 2 records", FAST),
    "a_shadow_tells_nobody": Row("a shadow tells nobody", FAST),
    "a_document_shows_its_chart_where_that_is_wanted": Row("a chart as PDF", FAST),
    # test_oddities.py
    "what_was_written_is_followed_by_its_id": Row("an index that never catches up", FAULTS),
    "a_row_that_is_late_is_read_again": Row("late rows and the overlap alone", WATERMARK),
    "what_was_created_is_not_read_back": Row("neither body nor ETag, 404 on Location", FAULTS),
    "remarks_beside_a_success_fail_nothing": Row("remarks in the answer to a write", FAULTS),
    "forms_are_never_written": Row("nothing but ours is written", FAULTS),
    "a_patient_that_was_merged_while_we_wrote": Row("a merge between reading and writing", FAST),
    "merges_that_cannot_be_asked_about": Row("merges that are not told", FAST),
    # test_instruments.py
    "versions_of_an_instrument_are_never_confused": Row("unknown versions of an instrument", FAST),
    "only_the_clients_view_of_the_alliance_alerts": Row("therapist and outcome forms raise no alert", FAST),
    "an_instrument_of_the_sites_own": Row("an instrument of the site's own", FAST),
    # test_writes.py
    "writes_off_then_on": Row("writes off, then on", SIGNED_TWINS),
    "the_audit_trail_has_every_write_and_nobody_by_name": Row("audit trail", SIGNED_FAST),
    "a_dry_run_makes_and_moves_nothing": Row("dry run", SIGNED_FAST),
    "the_write_cap_leaves_the_rest_planned": Row("write cap", SIGNED_FAST),
    "a_create_that_got_in_without_an_answer": Row("response lost after a create", SIGNED_FAULTS),
    "a_create_that_got_lost": Row("reset, 500, 502 on a create that never got in", FAST),
    "a_create_without_an_answer_where_conditions_are_ignored": Row("the same without If-None-Exist", SIGNED_FAULTS),
    "an_unknown_write_waits_for_a_late_index": Row("unknown write, late index", SIGNED_FAST),
    "an_update_without_an_answer": Row("lost response and reset on update", SIGNED_FAULTS),
    "a_lost_race_for_a_conditional_create": Row("conditional-create race", SIGNED_FAULTS),
    "of_several_matches_one_stays": Row("several matches of our identifier", SIGNED_FAULTS),
    "an_unknown_write_of_which_two_stand": Row("an unknown write of which two stand", SIGNED_FAULTS),
    "an_acknowledgement_without_a_body": Row("2xx without body or Location", SIGNED_FAULTS),
    "a_foreign_edit_is_left_alone": Row("foreign edit", SIGNED_TWINS),
    "removed_by_the_site_is_never_recreated": Row("removed by the site", SIGNED_TWINS),
    "restart_mid_run": Row(
        "server killed and restarted mid-run",
        {"medplum": _FORGETS, **SIGNED_TWINS},
    ),
    "a_second_instance_does_nothing": Row("lease", SIGNED_FAST),
    # test_outages.py
    "outages_from_the_start": Row("401, 403, 429, 500, 503, HTML, truncated, reset, slow: at once", FAST),
    "outages_at_the_searches": Row("the same, at the searches", FAULTS),
    "down": Row("down", FAULTS),
    "a_pause_that_is_asked_for_is_kept": Row("Retry-After is kept", FAULTS),
    "one_patient_fails_and_the_others_do_not": Row("one patient fails", FAULTS),
    "reading_is_allowed_and_writing_is_not": Row("reading allowed, writing not", FAULTS),
    "a_definite_refusal_is_told_once_and_not_repeated": Row("422 on a write", FAULTS),
    # test_malformed.py
    "malformed_responses": Row("malformed responses", FAULTS),
    "entries_that_are_no_resources": Row("entries that are no resources", FAULTS),
    "a_mended_form_leaves_the_quarantine": Row("quarantine and mending", TWINS),
    "a_questionnaire_of_the_sites_own": Row("a site's own questionnaire", TWINS),
    "weights_in_a_code_system_on_the_server": Row("weights in a code system on the server", TWINS),
    # test_quarantine.py
    "what_was_set_aside_is_listed_until_it_is_mended": Row("quarantine list", FAST),
    # test_nudge.py
    "a_nudge_brings_a_pass_and_the_score_stands": Row("nudge", FAST),
    "the_servers_own_subscription_nudges": Row(
        "the server's own Subscription nudges",
        _only("sekmet", why="sekmet has Subscriptions here; the others have none"),
    ),
    "who_has_no_secret_gets_nothing_done": Row("nudge without the secret", FAST),
    "forged_notifications_cause_no_requests_about_others": Row("forged notifications", FAST),
    "a_nudge_while_the_patient_is_read_is_not_lost": Row("nudge during a pass", FAST),
    "floods_and_large_bodies_are_refused": Row("floods of nudges, large bodies", FAST),
    "ready_is_about_the_last_complete_pass": Row("health, readiness", FAST),
    "a_bug_ends_the_pass_and_not_the_schedule": Row("a bug in a pass of serve", FAST),
    "what_cannot_be_listened_to_is_told_at_once": Row("port taken, poor secret", FAST),
    # test_explain.py
    "every_kind_of_alert_is_explained": Row("explain every kind of alert", FAST),
    "items_left_out_are_told_of_the_form": Row("explain: items left out", FAST),
    "why_a_strain_raised_no_alert": Row("explain: why no alert was raised", FAST),
    "a_withdrawn_alert_is_explained_by_the_series_as_it_stands": Row("explain a withdrawn alert", FAST),
    "one_series_or_one_session_of_a_patient": Row("explain one series, one session", FAST),
    # test_operation.py
    "too_many_alerts_are_none": Row("share cap", FAST),
    "a_roster_that_shrinks_stops_the_pass": Row("roster shrinks", FAST),
    "sigterm_finishes_the_patient_and_loses_nothing": Row("SIGTERM", FAST),
    "serve_runs_passes_and_ends_on_sigterm": Row("serve", FAST),
    "a_kill_switch_for_serve": Row("SIGHUP: write.enabled off while a pass writes", FAST),
    "an_empty_cohort_is_told": Row("empty cohort", FAST),
    "status_explain_and_retry": Row("status, explain, retry", FAST),
    "only_one_patient_and_only_of_the_cohort": Row("--patient", FAST),
    "only_a_complete_pass_is_fresh": Row("what counts as a complete pass", FAST),
    "one_endpoints_secret_does_not_stop_the_others": Row("several endpoints, one without its secret", FAST),
    "a_damaged_state_folder_is_told_not_worked_around": Row("damaged state folder", FAST),
    "the_connector_as_a_device": Row("Device", FAST),
    "a_dry_run_shows_the_exact_resources": Row("dry run shows what would be sent", FAST),
    # test_answers.py
    "a_silenced_episode_is_left_alone": Row("rejected, cancelled by a person", TWINS),
    "a_silenced_episode_stays_silent_with_a_new_store": Row("rejected, then a lost store", TWINS),
    "what_is_no_strain_in_the_data_is_withdrawn_without_a_fight": Row("rejected, then withdrawn", FAST),
    "an_acknowledged_alert_is_followed": Row("accepted, edited, completed", TWINS),
    "a_snoozed_alert_is_not_touched_until_then": Row("snoozed", TWINS),
    "a_snooze_ends_by_itself": Row("snooze ends", FAST),
    "a_person_may_change_their_mind": Row("rejected, then taken up", FAST),
    "an_answer_given_while_we_write_is_seen": Row("answer between search and update", FAULTS),
    "without_a_search_for_changes_answers_are_read_by_id": Row("answers read by id", FAST),
    "answers_cost_one_request_whatever_the_cohort": Row("one request for answers", FAULTS),
    "a_flag_that_somebody_ended_stays_ended": Row("Flag ended by a person", TWINS),
    "a_rejected_task_silences_its_messages": Row("rejected Task, its messages", FAST),
    "more_than_a_days_alerts_wait_and_none_is_lost": Row("alerts in a day, digest", TWINS),
    "what_waits_is_not_lost_by_growing_old": Row("held back and old", FAST),
    "priority_check_ins_always_come": Row("priority check-ins and the cap", FAST),
    "a_digest_is_answered_like_any_task": Row("digest answered", FAST),
    "a_site_that_stops_withdraws_its_digests": Row("withdraw --all of digests", FAST),
    "nothing_before_the_go_live_date": Row("alerts.since", FAST),
    "whoever_opted_out_is_neither_read_nor_written_about": Row("cohort.exclude", FAST),
    "a_due_date_of_the_sites_own": Row("alerts.due", FAST),
    "a_missed_session_makes_an_open_alert_urgent": Row("missed session", TWINS),
    "what_is_no_missed_session_raises_nothing": Row("not a missed session", FAST),
    "a_late_cancellation_counts_and_a_correction_does_not_fight": Row("late cancellation", FAST),
    "appointments_that_cannot_be_read_cost_no_pass": Row("Appointments refused", FAST),
    # test_ended_alerts.py
    "a_second_form_is_news_once_an_alert_was_ended": Row("second form after an ended alert", FAST),
    "what_an_ended_alert_mentioned_is_answered_with_it": Row("second form noted on an ended alert", FAST),
    "an_alert_ended_while_a_note_is_written": Row("alert ended between search and note", FAST),
    # test_two_installations.py
    "two_installations_leave_one_alert": Row("two installations at once", FAST),
    "what_a_person_answered_is_the_one_that_stays": Row("two installations, one alert answered", FAST),
    "what_the_other_installation_told_is_not_told_again": Row("two installations follow one alert", FAST),
    "a_corrected_clinician_is_called_although_the_old_alert_stays": Row("another clinician, old Task refused", FAST),
    "twins_without_an_owner_are_told": Row("an alert twice, neither ours", FAST),
    # test_permission.py
    "without_consent_nothing_is_told": Row("alerts.consent", FAST),
    "closed_care_is_recorded_and_never_pushed": Row("alerts.closed_care", FAST),
    "what_cannot_be_asked_permits_nothing": Row("consent and care teams refused", FAST),
    # test_stated_totals.py
    "a_total_stated_beside_a_response": Row("another total beside a response", CACHE),
    "a_form_that_states_its_own_total": Row("a form's own total differs", FAST),
    "a_total_stated_after_the_pass": Row("another total, stated later", CACHE),
    "nobody_is_asked_about_where_nobody_else_writes_totals": Row("no request per patient for stated totals", FAST),
    "what_cannot_be_compared_costs_no_pass": Row("stated totals cannot be read", FAST),
    "totals_that_a_server_should_not_have_returned": Row("stated totals of others among the results", FAST),
    # test_histories.py
    "random_histories": Row(
        "random histories, crash at a step", _only("sekmet", "hapi", why="a crash is ours; two suffice")
    ),
    "troubled_histories": Row(
        "random histories, faults and crashes", _only("sekmet", "hapi", why="faults are the proxy's; two suffice")
    ),
    "a_bug_costs_one_patient": Row("a bug costs one patient", FAST),
    # test_smart.py
    "a_token_that_expires_during_a_run_is_renewed": Row("token expires during a run", SMART),
    "a_wrong_audience": Row("wrong audience", SMART),
    "a_scope_that_is_too_wide": Row("scope too wide", SMART),
    "a_right_that_is_withdrawn_during_a_run": Row("right withdrawn during a run", SMART),
    "a_rotated_key": Row("rotated key", SMART),
    "reader_and_writer_are_separate_clients": Row("reader and writer are separate clients", SMART),
    "a_client_secret": Row("client secret", SMART),
    # test_crash.py
    "crash_at_each_step": Row(
        "kill -9 at each ledger step", _only("sekmet", "hapi", why="a crash is ours; two suffice")
    ),
    "killed_while_a_request_is_on_its_way": Row(
        "kill -9 from outside, mid-request", _only("sekmet", "hapi", why="a crash is ours; two suffice")
    ),
}

# A profile shows what `profiled` says, whatever the server behind it is left out of.
for _name, _row in MATRIX.items():
    _real = {server: why for server, why in _row.not_on.items() if not RECIPES[server].like}
    MATRIX[_name] = replace(_row, not_on=_real | profiled.left_out(_name))


def table() -> str:
    """The matrix as text, one scenario a line, and the reasons below."""
    width = max(len(row.about) for row in MATRIX.values())
    lines = [" " * width + "  " + "  ".join(SERVERS)]
    reasons: dict[str, None] = {}
    for row in MATRIX.values():
        marks = [("yes" if name in row.servers else "-").center(len(name)) for name in SERVERS]
        lines.append(f"{row.about:<{width}}  {'  '.join(marks)}")
        reasons |= {f"  {row.about}, not on {name}: {why}": None for name, why in row.not_on.items()}
    return "\n".join([*lines, "", *reasons])


if __name__ == "__main__":
    print(table())
