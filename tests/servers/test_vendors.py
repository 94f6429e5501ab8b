"""Every profile of a vendor in front of a real server: what it allows works, and what it refuses is explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fhir_alliance.vendors import ALERT_SINKS, SCORE_SINKS, recognise, vendors

from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr
from .running import Server
from .test_scenarios import values
from .vendor import VendorProxy

Front = Callable[[str], VendorProxy]
TAKES_OBSERVATIONS = [v.id for v in vendors().values() if "observation" in v.sinks.scores.takes]


@pytest.fixture
def front(server: Server) -> Iterator[Front]:
    """Makes a vendor's EHR of the real server."""
    made: list[VendorProxy] = []

    def make(vendor: str) -> VendorProxy:
        made.append(VendorProxy(server.base, vendors()[vendor]))
        return made[-1]

    yield make
    for proxy in made:
        proxy.down()


@pytest.mark.parametrize("vendor", vendors())
def test_a_profile_is_complete(vendor: str) -> None:
    told = vendors()[vendor]
    assert set(told.sinks.scores.takes) <= set(SCORE_SINKS)
    assert set(told.sinks.alerts.takes) <= set(ALERT_SINKS)
    if told.software or told.publisher:
        name, publisher = next(iter(told.software), None), next(iter(told.publisher), None)
        assert recognise(name, publisher) == told
    assert recognise("something else", None) is None


@pytest.mark.parametrize("vendor", vendors())
def test_forms_are_read_and_scored_whatever_the_vendor(
    ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, vendor: str
) -> None:
    """Refusals of searches cost nothing; amendments and retractions are seen although there are no stamps."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN)
    here = site(front(vendor).base, **{"write.enabled": False})
    first = here.sync().report
    assert (first["outcomes"]["scored"], first["episodes"]) == (len(STRAIN), {"open": 1})
    ehr.change(f"QuestionnaireResponse/{forms[-1]}", status="amended", item=srs_items(STRAIN[0]))
    second = here.sync().report
    assert (second["outcomes"]["scored"], second["episodes"]) == (len(STRAIN), {})
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="entered-in-error")
    assert here.sync().report["outcomes"]["scored"] == len(STRAIN) - 1


@pytest.mark.parametrize("vendor", vendors())
def test_scores_are_written_or_the_refusal_is_told_once(
    ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, vendor: str
) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(front(vendor).base)
    if vendor in TAKES_OBSERVATIONS:
        here.sync()
        assert values(ehr, patient) == list(STRAIN)
        assert len(ehr.tasks(patient)) == 1
        assert here.sync().report["written"] == {}
        return
    ran = here.sync(code=3)
    assert ran.report["refused"]["Observation"] == {"create": len(STRAIN)}
    assert ehr.observations(patient) == []
    assert ehr.tasks(patient) == []
