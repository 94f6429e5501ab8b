"""SMART scopes in both grammars."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_alliance.config import Settings
from fhir_alliance.doctor.declared import needs as interactions
from fhir_alliance.fhir.needs import needs
from fhir_alliance.fhir.scopes import LETTERS, SURVEY, Grammar, joined, lacking, read_grant, spelled

LETTER = {"read": "r", "search": "s", "create": "c", "update": "u"}


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ("system/Task.crus system/Observation.cruds", {}),
        ("system/Task.read system/Task.write system/Observation.*", {}),
        ("system/*.*", {}),
        ("system/*.read system/*.write", {}),
        ("system/*.cruds", {}),
        ("user/Task.crus user/Observation.crus", {}),
        ("system/Task.rs", {"Task": "cu", "Observation": "crus"}),
        ("system/Task.cu system/Task.rs system/*.s", {"Observation": "cru"}),
        ("patient/*.*", {"Task": "crus", "Observation": "crus"}),
        ("launch openid fhirUser", {"Task": "crus", "Observation": "crus"}),
        ("system/Task.crus,system/Observation.crus", {"Task": "crus", "Observation": "crus"}),
        (f"system/Task.crus system/Observation.crus?{SURVEY}", {}),
        (f"system/Task.crus system/Observation.crus?{SURVEY.replace('|', '%7C')}", {}),
        ("system/Task.crus system/Observation.crus?category=laboratory", {"Observation": "crus"}),
        (f"system/Task.crus?{SURVEY} system/Observation.crus", {"Task": "crus"}),
        (
            "system/Task.everything system/.crus system/Task system/observation.crus",
            {"Task": "crus", "Observation": "crus"},
        ),
    ],
)
def test_what_is_missing(granted: str, missing: dict[str, str]) -> None:
    assert lacking({"Task": "crus", "Observation": "crus"}, read_grant(granted).rights) == missing


def test_spelling() -> None:
    rights = {"Task": "cu", "Encounter": "sr", "Group": "r", "Observation": "crus"}
    v1 = ["Encounter.read", "Group.read", "Observation.read", "Observation.write", "Task.write"]
    assert spelled(rights, "v1") == [f"system/{scope}" for scope in v1]
    assert spelled(rights, "v2") == [f"system/{s}" for s in ("Encounter.rs", "Group.r", "Observation.crus", "Task.cu")]


RIGHTS = st.dictionaries(
    st.sampled_from(["Task", "Observation", "Encounter"]), st.sets(st.sampled_from(LETTERS), min_size=1).map("".join)
)


@given(RIGHTS, st.sampled_from(["v1", "v2"]), st.booleans())
def test_what_is_asked_for_covers_what_is_needed(rights: dict[str, str], grammar: Grammar, narrowed: bool) -> None:
    grant = read_grant(" ".join(spelled(rights, grammar, narrowed=narrowed)))
    assert lacking(rights, grant.rights) == {}


PIECES = ["system", "user", "/", "*", ".", "Task", "read", "cruds", "dd", "?", SURVEY, " ", "\n", "\x00", "%7C"]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=20).map("".join))
def test_any_text_can_be_read(text: str) -> None:
    grant = read_grant(text)
    assert set(grant.texts) <= set(text.split())
    assert joined(grant.rights) == grant.rights


@pytest.mark.parametrize("source", ["ids", "group", "search"])
def test_scopes_cover_every_interaction_that_doctor_looks_for(source: str) -> None:
    settings = Settings(
        cohort={"source": source, "id": "g", "ids": ["p"], "exclude": ["Group/out"]},
        alerts={"care_team_role": "lead"},
        write={"enabled": True, "types": ["Observation", "Task", "Flag", "Device"]},
    )
    wanted = needs(settings)
    granted = joined(wanted.reader(alone=True), wanted.helpful)
    used = {
        type: "".join(LETTER[name] for name in names if name in LETTER)
        for type, names in interactions(settings).items()
    }
    assert lacking(used, granted) == {}
    assert not any("d" in letters for letters in granted.values())


def test_the_how_to_names_every_scope_that_is_asked_for() -> None:
    page = (Path(__file__).parents[2] / "docs/howto/smart-backend.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"system/[A-Z][A-Za-z]+\.(?:read|write)", page))
    settings = Settings(
        cohort={"source": "group", "id": "g"}, write={"enabled": True, "types": ["Observation"]}, alerts={"pool": ""}
    )
    wanted = needs(settings)
    assert documented == set(spelled(joined(wanted.reader(alone=True), wanted.helpful), "v1"))
