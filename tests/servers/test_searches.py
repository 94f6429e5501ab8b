"""Searches that lag, lie, break off or lead astray: what was missed is found later, each score stays with its own."""

from __future__ import annotations

import http.server
import threading
from typing import Any

from . import faults
from .clinic import Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr, Json, versions
from .proxy import Call, Proxy
from .running import HOST
from .test_scenarios import values

RESPONSES = {"type": "QuestionnaireResponse", "when": faults.is_search}


def test_a_lagging_index(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """A row becomes visible after a younger one was read already."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (31,), last=2)
    here = site(proxy.base)
    here.sync()
    late, _ = clinic.course(patient, doctor, (32, 33))
    hidden = {late}
    proxy.fault(faults.hiding(hidden), when=faults.is_search)
    here.sync()
    assert values(ehr, patient) == [31, 33]
    hidden.clear()
    here.sync()
    assert values(ehr, patient) == [31, 32, 33]


def test_a_replica_that_knows_nothing(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Empty answers retract nothing and move no watermark, even without any overlap."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (31, 32), last=1)
    here = site(proxy.base, **{"read.overlap": "0s"})
    here.sync()
    before = versions(ehr.observations(patient))
    clinic.course(patient, doctor, (33,))
    empty = proxy.fault(faults.empty, when=faults.is_search)
    here.sync(code=None)
    assert versions(ehr.observations(patient)) == before
    proxy.heal(empty)
    here.sync()
    assert values(ehr, patient) == [31, 32, 33]


def test_a_known_response_left_out_of_a_search(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """It still exists when read by id: the patient is incomplete, nothing is retracted."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (31, 32))
    here = site(proxy.base, **{"read.mode": "full-diff"})
    here.sync()
    before = versions(ehr.observations(patient))
    proxy.fault(faults.hiding({forms[0]}), **RESPONSES)
    ran = here.sync(code=4)
    assert len(ran.messages) == 1
    assert versions(ehr.observations(patient)) == before


def test_a_page_expires(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """The walk starts again from its first page; half of it is never taken for all."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    totals = [30 + n / 10 for n in range(8)]
    clinic.course(patient, doctor, totals)
    here = site(proxy.base, **{"read.page_size": 3})
    rule = proxy.fault(faults.status(410), when=faults.is_page, first=2, times=1)
    here.sync()
    assert rule.hits > 2
    assert values(ehr, patient) == totals
    proxy.fault(faults.status(410), when=faults.is_page)
    other = site(proxy.base, **{"read.page_size": 3})
    before = versions(ehr.observations(patient))
    other.sync(code=4)
    assert versions(ehr.observations(patient)) == before


def test_a_walk_that_repeats_itself(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """`next` leads back to the page that it stands on: bounded, and not believed."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, [30 + n / 10 for n in range(5)])

    def endless(call: Call) -> Any:
        answer = call.forward()
        bundle = answer.json()
        bundle["link"] = [{"relation": "next", "url": f"{call.proxy.base}{call.target.removeprefix(proxy.prefix)}"}]
        return answer.having(bundle)

    proxy.fault(endless, **RESPONSES)
    ran = site(proxy.base, **{"read.page_size": 2}).sync(code=4)
    assert len(ran.messages) == 1
    assert ehr.observations(patient) == []
    assert len(proxy.seen) < 40


def test_a_next_link_to_another_host(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Refused: our token goes to nobody else."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, [30 + n / 10 for n in range(5)])
    visitors: list[str] = []

    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visitors.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer((HOST, 0), Stranger) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        rule = proxy.fault(faults.foreign_next(f"http://{HOST}:{stranger.server_address[1]}"), **RESPONSES)
        here = site(proxy.base, **{"read.page_size": 2})
        ran = here.sync(code=4)
        stranger.shutdown()
    assert visitors == []
    assert len(ran.messages) == 1
    assert ehr.observations(patient) == []
    proxy.heal(rule)
    here.sync()
    assert len(values(ehr, patient)) == 5


def test_another_patients_responses_among_the_results(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """As matches, without a mode, as inclusions and as outcomes: nobody's here, whatever they call themselves."""
    mine, theirs, doctor = clinic.patient("mine"), clinic.patient("theirs"), clinic.practitioner()
    clinic.course(mine, doctor, (31,))
    modes = ("match", None, "include", "outcome")
    foreign = clinic.course(theirs, doctor, (21, 22, 23, 24))
    strays = [ehr.read(f"QuestionnaireResponse/{form}") for form in foreign]
    proxy.fault(faults.injecting(*strays, modes=modes), **RESPONSES)
    site(proxy.base, patients=[mine]).sync()
    assert values(ehr, mine) == [31]
    assert ehr.observations(theirs) == []


def _undeclared(statement: Json) -> None:
    for resource in statement["rest"][0].get("resource", []):
        found = resource.get("searchParam", [])
        resource["searchParam"] = [param for param in found if param["name"] != "_lastUpdated"]


def _asked_by_time(proxy: Proxy) -> set[str]:
    return {seen.path for seen in proxy.seen if "_lastUpdated" in dict(seen.query)}


def test_a_watermark_where_it_is_declared(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patient, quiet, doctor = clinic.patient(), clinic.patient("quiet"), clinic.practitioner()
    clinic.course(patient, doctor, (31,), last=1)
    here = site(proxy.base, **{"read.overlap": "0s"})
    ehr.clock_passes()
    here.sync()
    assert _asked_by_time(proxy) == set()
    clinic.course(patient, doctor, (32,))
    proxy.fresh()
    here.sync()
    assert _asked_by_time(proxy) == {"QuestionnaireResponse", "Encounter"}
    asked = {dict(seen.query).get("patient") for seen in proxy.seen if "_lastUpdated" not in dict(seen.query)}
    assert patient in asked
    assert quiet not in asked
    assert values(ehr, patient) == [31, 32]


def test_no_watermark_where_it_is_not_declared(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """The server would understand it, says that it does not (or nothing), and would rather ignore it."""
    proxy.fault(faults.declaring(_undeclared), when=faults.is_metadata)
    proxy.fault(faults.ignoring("_lastUpdated"), when=faults.is_search)
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (31, 32))
    here = site(proxy.base)
    here.sync()
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="entered-in-error")
    here.sync()
    assert _asked_by_time(proxy) == set()
    assert values(ehr, patient) == [32]


def test_a_declared_watermark_that_is_ignored(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """More than asked for comes back: read again, written once."""
    proxy.fault(faults.ignoring("_lastUpdated"), when=faults.is_search)
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (31,), last=1)
    here = site(proxy.base)
    here.sync()
    before = versions(ehr.observations(patient))
    here.sync()
    assert versions(ehr.observations(patient)) == before
    clinic.course(patient, doctor, (32,))
    here.sync()
    assert values(ehr, patient) == [31, 32]


def _read_whole(proxy: Proxy) -> set[str]:
    """Patients whose forms were read without any limit of time."""
    limits = {"_lastUpdated", "authored", "date"}
    searches = [dict(seen.query) for seen in proxy.seen if seen.path.rpartition("/")[2] == "QuestionnaireResponse"]
    return {query["patient"] for query in searches if "patient" in query and not limits & query.keys()}


def test_the_active_in_every_pass_the_quiet_at_times(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """In a large cohort the requests of a pass grow with what happens; nobody is left out for longer than was said."""
    active, quiet, doctor = clinic.patient("active"), clinic.patient("quiet"), clinic.practitioner()
    clinic.course(active, doctor, (31, 32))
    late = clinic.course(quiet, doctor, (33, 34), last=4)[-1]
    here = site(proxy.base, **{"read.mode": "full-diff", "read.quiet_from": 0, "read.overlap": "0s"})
    here.sync()
    proxy.fresh()
    here.sync()
    assert _read_whole(proxy) == {active}
    ehr.change(f"QuestionnaireResponse/{late}", status="amended", item=srs_items(30))
    here.sync()
    assert values(ehr, quiet) == [33, 34]
    here.configure(read__quiet_every="0s")
    here.sync()
    assert values(ehr, quiet) == [33, 30]
    # By the watermark, the active are asked about, and nobody else.
    ehr.clock_passes()
    here.configure(read__mode="watermark", read__quiet_every="1d")
    here.sync()
    proxy.fresh()
    here.sync()
    asked = {dict(seen.query)["patient"] for seen in proxy.seen if "_lastUpdated" in dict(seen.query)}
    assert asked == {active}
    assert quiet not in _read_whole(proxy)


def test_a_window_of_dates_where_nothing_better_is_declared(
    ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy
) -> None:
    """One search over everybody, for ids and dates only; edits outside the window wait for the periodic full pass."""
    active, quiet, other = clinic.patient("active"), clinic.patient("quiet"), clinic.patient("other")
    doctor = clinic.practitioner()
    clinic.course(active, doctor, (31,), last=1)
    late = clinic.course(quiet, doctor, (33, 34), last=4)[-1]
    clinic.course(other, doctor, (30,))
    undeclared = {f"{type}.search._lastUpdated": False for type in ("QuestionnaireResponse", "Encounter")}
    declared = {"QuestionnaireResponse.search.authored": True, "Encounter.search.date": True}
    settings = {f'endpoint.main.capability."{name}"': on for name, on in (undeclared | declared).items()}
    cohort = {"cohort.ids": [active, quiet], "read.across_patients": True, "read.quiet_from": 0}
    here = site(proxy.base, **settings, **cohort)
    here.sync()
    clinic.course(active, doctor, (32,))
    ehr.change(f"QuestionnaireResponse/{late}", status="amended", item=srs_items(30))
    proxy.fresh()
    assert here.sync().report["endpoints"]["main"]["mode"] == "clinical-window"
    assert _read_whole(proxy) == {active}
    assert {"authored", "date"} <= {name for seen in proxy.seen for name, _ in seen.query}
    assert (values(ehr, active), values(ehr, quiet), ehr.observations(other)) == ([31, 32], [33, 34], [])
    here.configure(read__full_diff_every="0s")
    here.sync()
    assert (values(ehr, quiet), ehr.observations(other)) == ([33, 30], [])


def test_what_the_overlap_brings_again_is_no_change(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Read once, then known by its version: nobody is read again until something changes, however new it all is."""
    one, two, doctor = clinic.patient("one"), clinic.patient("two"), clinic.practitioner()
    late = clinic.course(one, doctor, (31,))[0]
    clinic.course(two, doctor, (33, 34))
    ehr.clock_passes()
    across = site(proxy.base, **{"read.quiet_from": 0, "read.quiet_every": "30d", "read.across_patients": True})
    each = site(proxy.base, **{"read.overlap": "1d", "write.enabled": False})
    for here in (across, each):
        here.sync()
        for _ in range(2):
            proxy.fresh()
            assert here.sync().report["patients"]["due"] == 0
            assert _read_whole(proxy) == set()
    ehr.change(f"QuestionnaireResponse/{late}", status="amended", item=srs_items(30))
    ehr.clock_passes()
    for here in (across, each):
        proxy.fresh()
        here.sync()
        assert _read_whole(proxy) == {one}
        assert here.sync().report["patients"]["due"] == 0
    assert values(ehr, one) == [30]


def test_a_version_that_was_not_read_counts(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Found by the search over everybody, and missing yet in the patient's own: looked for again in the next pass."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (31,), last=2)
    ehr.clock_passes()
    here = site(proxy.base, **{"read.across_patients": True, "read.quiet_from": 0, "read.quiet_every": "30d"})
    here.sync()
    late = {*clinic.course(patient, doctor, (32,)), *(e["id"] for e in ehr.search("Encounter", patient=patient))}
    ehr.clock_passes()
    own = proxy.fault(faults.hiding(late), when=lambda call: faults.is_search(call) and "patient" in dict(call.query))
    here.sync()
    assert values(ehr, patient) == [31]
    proxy.heal(own)
    here.sync()
    assert values(ehr, patient) == [31, 32]
