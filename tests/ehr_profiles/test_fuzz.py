"""Nothing that an EHR sends brings inbound down: each mutant is scored, waits, is skipped, retracted or set aside.

100,000 mutants with fixed seeds. What a mutant becomes is not judged here (the rules have their own tests), except
that it is never another patient's, and never scored out of range.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from fhir_alliance.config import Endpoint
from fhir_alliance.errors import EHRError
from fhir_alliance.fhir.http import FhirClient
from fhir_alliance.fhir.inbound import decode_response, rules
from fhir_alliance.fhir.search import search
from fhir_alliance.instruments import get
from fhir_alliance.model import Outcome, Reading

from . import mutants
from .conftest import Pauses
from .peer import Peer, Reply, Request

PARTS, EACH, PAGES = 8, 12_250, 250
RULES = rules(None, None, now=datetime(2026, 11, 1, 12, tzinfo=UTC), attest=["srs-v3"], require_id=True)
GOOD = mutants.corpus()
PEOPLE = {None, "Patient/p1", "Patient/p2"}
"""p2 is planted by a mutation, as the subject itself: then it is that patient's."""


def judged(reading: Reading) -> Outcome:
    """The outcome, having checked what must hold for every reading."""
    assert reading.patient in PEOPLE or reading.outcome is not Outcome.SCORED
    if reading.outcome is Outcome.SCORED:
        assert reading.instrument is not None
        instrument = get(reading.instrument)
        assert reading.scores
        for score in reading.scores:
            scale = instrument.scale(score.scale)
            assert scale.minimum <= score.value <= scale.maximum
    else:
        assert reading.code
        assert reading.reason
        assert "p2" not in reading.reason
    return reading.outcome


@pytest.mark.parametrize("seed", range(PARTS))
def test_mutated_resources(seed: int) -> None:
    random = Random(seed)
    counts = Counter(judged(decode_response(mutants.resource(random, GOOD), RULES)) for _ in range(EACH))
    assert counts.total() == EACH
    # The mutants are worth their name: most are refused, but not all, and each way out is taken.
    assert EACH / 50 < counts[Outcome.SCORED] < EACH / 2
    assert set(counts) >= {Outcome.SCORED, Outcome.WAITING, Outcome.SET_ASIDE, Outcome.RETRACTED, Outcome.SKIPPED}


@pytest.mark.parametrize("seed", range(PARTS))
def test_mutated_pages(peer: Peer, tmp_path: Path, seed: int) -> None:
    """Over real HTTP: a search ends with all matches, or with an error that says that it could not."""
    random = Random(1000 + seed)
    client = FhirClient(Endpoint(base_url=peer.base), tmp_path, stop=Pauses())

    def script(_: Request) -> Reply:
        return Reply(200, mutants.page(random, GOOD, peer.base), {"Content-Type": "application/fhir+json"})

    peer.serves(script)
    ended: Counter[str] = Counter()
    while len(peer.requests) < PAGES:
        try:
            found = search(
                client,
                "QuestionnaireResponse",
                [("patient", "p1")],
                take=lambda raw: judged(decode_response(raw, RULES)),
                page_size=10,
                page_cap=5,
            )
            assert all(isinstance(item, Outcome) for item in found.items)
            ended["found"] += 1
        except EHRError as error:
            ended[type(error).__name__] += 1
    client.close()
    assert ended["found"]
    assert len(ended) > 1
