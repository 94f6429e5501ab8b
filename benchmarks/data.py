"""The synthetic clinic: 20 sessions a patient, half of the patients with coded answers, half with integers.

Everything follows from the patient's number, so a server can make a patient when it is asked for.
Twelve items without wording; ids, meta, profile, encounter, author and source as real servers send them.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

SESSIONS = 20
ITEMS = 12
LATEST = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CANONICAL = "https://w3id.org/fhir-alliance/Questionnaire/wai-sr-c|1.0"
PROFILE = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaireresponse"
WEIGHT = "http://hl7.org/fhir/StructureDefinition/itemWeight"
RATING = "https://clinic.example/CodeSystem/rating"
STAMP = "2026-11-03T08:00:00.000+00:00"


def patient_id(number: int) -> str:
    """Id of the patient with this number, from 0."""
    return _id(f"patient {number}")


def practitioner_id(number: int) -> str:
    """Id of the practitioner who sees this patient: one for 25 patients."""
    return _id(f"practitioner {number // 25}")


def patient(number: int) -> bytes:
    """A Patient without a name."""
    return b'{"resourceType":"Patient","id":"%s","meta":%s,"active":true}' % (patient_id(number).encode(), _meta(""))


def responses(number: int) -> Iterator[bytes]:
    """The QuestionnaireResponses of one patient, oldest first: 4.4 kB coded, 2.2 kB with integers."""
    who, by = patient_id(number), practitioner_id(number)
    item = _coded if number % 2 else _whole
    for session, start, answers in _sessions(number):
        items = ",".join([item(n, answer) for n, answer in enumerate(answers, 1)])
        yield (
            f'{{"resourceType":"QuestionnaireResponse","id":"{_id(f"response {number} {session}")}",'
            f'"meta":{_meta(PROFILE).decode()},"questionnaire":"{CANONICAL}","status":"completed",'
            f'"subject":{{"reference":"Patient/{who}","type":"Patient"}},'
            f'"encounter":{{"reference":"Encounter/{_id(f"encounter {number} {session}")}"}},'
            f'"authored":"{(start + timedelta(minutes=55)).isoformat()}",'
            f'"author":{{"reference":"Practitioner/{by}"}},"source":{{"reference":"Patient/{who}","type":"Patient"}},'
            f'"item":[{items}]}}'
        ).encode()


def encounters(number: int) -> Iterator[bytes]:
    """The sessions of one patient as Encounters of 1.1 kB."""
    who, by = patient_id(number), practitioner_id(number)
    act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    role = '{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"PPRF"}'
    for session, start, _ in _sessions(number):
        period = f'"period":{{"start":"{start.isoformat()}","end":"{(start + timedelta(minutes=50)).isoformat()}"}}'
        yield (
            f'{{"resourceType":"Encounter","id":"{_id(f"encounter {number} {session}")}",'
            f'"meta":{_meta("http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter").decode()},'
            f'"identifier":[{{"system":"https://clinic.example/visit","value":"{number}-{session}"}}],'
            f'"status":"finished","class":{{"system":"{act}","code":"AMB","display":"ambulatory"}},'
            f'"type":[{{"coding":[{{"system":"http://www.ama-assn.org/go/cpt","code":"90834"}}],'
            f'"text":"Psychotherapy"}}],"subject":{{"reference":"Patient/{who}","type":"Patient"}},'
            f'"participant":[{{"type":[{{"coding":[{role}]}}],'
            f'{period},"individual":{{"reference":"Practitioner/{by}"}}}}],{period},'
            f'"serviceProvider":{{"reference":"Organization/{_id("clinic")}"}}}}'
        ).encode()


def _sessions(number: int) -> Iterator[tuple[int, datetime, list[int]]]:
    """Weekly sessions with answers of 1 to 5: a usual score, some noise, and in some a fall."""
    rng = random.Random(number)
    usual, fall = rng.uniform(3.0, 4.8), rng.randrange(4, 60)
    first = LATEST - timedelta(weeks=SESSIONS - 1, minutes=number % 480)
    for session in range(SESSIONS):
        today = usual + rng.gauss(0, 0.15) - (1.4 if fall <= session < fall + 2 else 0)
        answers = [min(5, max(1, round(today + rng.gauss(0, 0.5)))) for _ in range(ITEMS)]
        yield session, first + timedelta(weeks=session), answers


def _whole(number: int, answer: int) -> str:
    return f'{{"linkId":"{number}","text":"{_words(number)}","answer":[{{"valueInteger":{answer}}}]}}'


@cache
def _coded(number: int, answer: int) -> str:
    return (
        f'{{"linkId":"{number}","text":"{_words(number)}","answer":[{{"valueCoding":{{"extension":[{{"url":"{WEIGHT}",'
        f'"valueDecimal":{answer}}}],"system":"{RATING}","code":"rating-{answer}","display":"Answer {answer}"}}}}]}}'
    )


def _words(number: int) -> str:
    return f"Item {number} (a placeholder as long as a question: no wording of any instrument here)"


@cache
def _meta(profile: str) -> bytes:
    profiles = f',"profile":["{profile}"]' if profile else ""
    return f'{{"versionId":"1","lastUpdated":"{STAMP}"{profiles}}}'.encode()


def _id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))
