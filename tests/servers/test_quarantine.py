"""`quarantine list` after real passes."""

from __future__ import annotations

from datetime import datetime

from .canaries import PLANTED, leaks
from .clinic import SRS, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr

WRONG = float(PLANTED["wrong answer"])


def test_what_was_set_aside_is_listed_until_it_is_mended(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient = clinic.patient()
    off = [*srs_items(36)[:3], {"linkId": "4", "answer": [{"valueDecimal": WRONG}]}]
    ehr.put(clinic.srs("off", patient, 36, weeks=2) | {"item": off})
    ehr.put(clinic.srs("version", patient, 36, weeks=1) | {"questionnaire": f"{SRS}|7.7"})
    ehr.put(clinic.srs("good", patient, 36, weeks=0))
    here = site()
    assert here.run("quarantine", "list", "--json").report == []
    assert not here.store.exists()
    here.sync(code=3)
    here.sync()
    ran = here.run("quarantine", "list", "--json")
    assert ran.code == 0
    lines = {line["word"]: line for line in ran.report}
    assert set(lines) == {"out-of-range", "unknown-version"}
    line = lines["out-of-range"]
    assert (line["source"], line["patient"]) == (f"QuestionnaireResponse/{clinic.id('off')}", f"Patient/{patient}")
    assert line["reason"].startswith("set aside: ")
    assert line["attempts"] == 2
    assert datetime.fromisoformat(line["since"]).utcoffset() is not None

    assert here.run("retry").code == 3
    ran = here.run("quarantine", "list", "--json", "--reason", "out-of-range")
    assert ran.report == [line | {"attempts": 3}]
    told = here.run("quarantine", "list").out
    assert not leaks(told)
    assert f"QuestionnaireResponse/{clinic.id('version')}, of Patient/{patient}" in told

    ehr.change(f"QuestionnaireResponse/{clinic.id('off')}", item=srs_items(36))
    here.sync()
    assert [line["word"] for line in here.run("quarantine", "list", "--json").report] == ["unknown-version"]
