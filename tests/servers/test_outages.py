"""A server in trouble: the documented exit code, one line for the operator, and the next pass does the work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from . import faults
from .canaries import PLANTED
from .clinic import Clinic
from .conftest import MakeSite
from .ehr import Ehr
from .product import Site
from .proxy import Action, Call, Proxy
from .test_scenarios import values

TEXT = PLANTED["server text"]
IN_AN_HOUR = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

OUTAGES: dict[str, Action] = {
    "unauthorised": faults.status(401, text=TEXT),
    "forbidden": faults.status(403, text=TEXT),
    "throttled": faults.status(429, text=TEXT),
    "throttled-for-seconds": faults.status(429, {"Retry-After": "1"}, TEXT),
    "throttled-for-ages": faults.status(429, {"Retry-After": "999999"}, TEXT),
    "throttled-until-a-date": faults.status(429, {"Retry-After": IN_AN_HOUR}, TEXT),
    "maintenance": faults.status(503, {"Retry-After": "1"}, TEXT),
    "fault": faults.status(500, text=TEXT),
    "web-page": faults.html(200, TEXT),
    "gateway": faults.html(502, TEXT),
    "truncated": faults.truncated,
    "cut-off": faults.cut_off,
    "reset": faults.reset,
    "slow": faults.slow(5),
}
NO_OVERLAP = {"read.overlap": "0s"}
"""So that a watermark that moved would show as a lost score."""


def test_outages_from_the_start(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Not even /metadata is to be had."""
    one_after_another(ehr, clinic, site(proxy.base, **NO_OVERLAP), proxy, None)


def test_outages_at_the_searches(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    one_after_another(ehr, clinic, site(proxy.base, **NO_OVERLAP), proxy, faults.is_search)


def one_after_another(ehr: Ehr, clinic: Clinic, here: Site, proxy: Proxy, when: Callable[[Call], bool] | None) -> None:
    """Each outage finds a new form waiting; the good pass at the end finds every form."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    here.configure(cohort__ids=[patient])
    clinic.course(patient, doctor, (30,), last=len(OUTAGES))
    here.sync()
    wrong = []
    for waiting, (name, outage) in enumerate(OUTAGES.items(), 1):
        clinic.course(patient, doctor, (30 + waiting / 10,), last=len(OUTAGES) - waiting)
        rule = proxy.fault(outage, when=when)
        here.configure(**{"endpoint.main.http.read_timeout": "1s" if name == "slow" else "20s"})
        ran = here.sync(code=None)
        proxy.heal(rule)
        if (ran.code, len(ran.messages), "Traceback" in ran.err) != (4, 1, False):
            wrong.append((name, ran.code, ran.messages))
    assert wrong == []
    assert values(ehr, patient) == [30]
    here.configure(**{"endpoint.main.http.read_timeout": "20s"})
    here.sync()
    assert values(ehr, patient) == [30 + n / 10 for n in range(len(OUTAGES) + 1)]


def test_down(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (31,))
    here = site(proxy.base)
    proxy.down()
    ran = here.sync(code=4)
    assert len(ran.messages) == 1, ran.messages
    proxy.up()
    here.sync()
    assert values(ehr, patient) == [31]


def test_a_pause_that_is_asked_for_is_kept(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """429 with Retry-After, once for a read and once for a write: waited for, then all is done in the same pass."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (31, 32))
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    proxy.fault(faults.status(429, {"Retry-After": "1"}), type="QuestionnaireResponse", times=1)
    proxy.fault(faults.status(429, {"Retry-After": soon}), method="POST", times=1)
    proxy.fault(faults.status(503, {"Retry-After": "1"}), method="POST", first=2, times=1)
    site(proxy.base, **{"endpoint.main.http.attempts": 4}).sync()
    assert values(ehr, patient) == [31, 32]


def test_one_patient_fails_and_the_others_do_not(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    bad, good, doctor = clinic.patient("bad"), clinic.patient("good"), clinic.practitioner()
    clinic.course(bad, doctor, (31,))
    clinic.course(good, doctor, (32,))
    rule = proxy.fault(
        faults.status(500),
        type="QuestionnaireResponse",
        when=lambda call: bad in {name.removeprefix("Patient/") for _, name in call.query},
    )
    here = site(proxy.base, **NO_OVERLAP)
    ran = here.sync(code=3)
    assert ran.report["patients"]["incomplete"] == 1
    assert (values(ehr, bad), values(ehr, good)) == ([], [32])
    proxy.heal(rule)
    here.sync()
    assert (values(ehr, bad), values(ehr, good)) == ([31], [32])


@pytest.mark.parametrize("code", [401, 403])
def test_reading_is_allowed_and_writing_is_not(
    ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy, code: int
) -> None:
    """What could not be filed stays planned and goes out when the grant is mended."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (31, 32))
    rule = proxy.fault(faults.status(code, text=TEXT), method="POST", type="Observation")
    here = site(proxy.base)
    ran = here.sync(code=None)
    assert ran.code in {3, 4}
    assert len(ran.messages) == 1, ran.messages
    assert values(ehr, patient) == []
    proxy.heal(rule)
    here.sync()
    assert values(ehr, patient) == [31, 32]


def test_a_definite_refusal_is_told_once_and_not_repeated(
    ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy
) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (31, 32))
    rule = proxy.fault(faults.status(422, text=TEXT), method="POST", type="Observation", times=1)
    here = site(proxy.base)
    ran = here.sync(code=3)
    assert ran.report["refused"] == {"Observation": {"create": 1}}
    assert len(values(ehr, patient)) == 1
    proxy.fresh()
    here.sync(code=None)
    assert proxy.writes == []
    assert rule.hits == 2
    assert here.run("retry").code == 0
    here.sync()
    assert values(ehr, patient) == [31, 32]
