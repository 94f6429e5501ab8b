"""What goes out: R4 by R4B's models, required codes by our own, numbers with their decimals (`fhir.md` 6, 12-18)."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fhir_alliance.fhir import outbound
from fhir_alliance.fhir.outbound import REQUIRED, checked
from fhir_alliance.sinks.observation import quantity

ROOT = Path(__file__).parents[2]
OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "total"}}
DOCUMENT = {
    "resourceType": "DocumentReference",
    "status": "current",
    "content": [{"attachment": {"contentType": "text/plain", "data": "eA=="}}],
    "context": {"encounter": [{"reference": "Encounter/e"}]},
}


@pytest.mark.parametrize("resource", [OBSERVATION, DOCUMENT], ids=["Observation", "DocumentReference"])
def test_r4_is_accepted(resource: dict[str, object]) -> None:
    """R5's DocumentReference has a list in `context`: the bare import would refuse ours."""
    assert checked(resource) == resource
    with pytest.raises(ValueError, match=r"wibble"):
        checked(resource | {"wibble": 1})


def test_only_the_r4b_models_are_imported() -> None:
    names = [node.value for node in ast.walk(ast.parse(Path(outbound.__file__).read_text())) if _is_text(node)]
    imported = [name for name in names if re.match(r"fhir\.resources[.\w]*$", name)]
    assert imported
    assert all(name.startswith("fhir.resources.R4B.") for name in imported)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize(("type", "element"), [(t, e) for t, codes in REQUIRED.items() for e in codes])
def test_a_code_that_r4_does_not_have_is_not_sent(type: str, element: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The models take any text for a code."""

    class Lax:
        @staticmethod
        def model_validate(resource: dict[str, object]) -> None: ...

    monkeypatch.setattr(outbound, "_model", lambda _: Lax)
    for code in REQUIRED[type][element]:
        assert checked({"resourceType": type, element: code})
    with pytest.raises(ValueError, match=element):
        checked({"resourceType": type, element: "finall"})


def test_the_models_alone_would_send_it() -> None:
    from fhir.resources.R4B.observation import Observation

    Observation.model_validate(OBSERVATION | {"status": "finall"})
    with pytest.raises(ValueError, match="status"):
        checked(OBSERVATION | {"status": "finall"})


@pytest.mark.parametrize(
    ("value", "places", "sent"), [(5.5, 1, "5.5"), (4.166666666666667, 2, "4.17"), (36.0, 1, "36.0")]
)
def test_a_score_has_its_decimals_and_no_more(value: float, places: int, sent: str) -> None:
    body = json.dumps(checked(OBSERVATION | {"valueQuantity": quantity(value, places)}))
    assert f'"value": {sent},' in body


def test_the_models_are_of_a_version_that_was_tried() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert [w for w in wanted if w.startswith("fhir.resources")] == ["fhir.resources>=8.2,<9"]


def test_reading_loads_no_models() -> None:
    """They take a third of a second and 36 MB: only what writes pays for them."""
    probe = "import sys, fhir_alliance.sync, fhir_alliance.cli.commands; print('fhir.resources' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"
