"""From files to readings, for `score`: a resource, a Bundle, or lines of either; nothing is deduplicated.

Two passes over the files: the first finds Questionnaires, their codes and stated totals, which may stand after
the responses that need them; the second reads the responses, one at a time and in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .fhir.inbound import decode_response, read_response
from .fhir.pieces import Piece, is_resource, pieces
from .fhir.questionnaire import TERMS
from .fhir.rules import Rules
from .fhir.stated import DIFFERS, beside, counted
from .fhir.stop import Stop, set_aside, skipped
from .files import File
from .library import Library
from .model import Outcome, Reading

RESPONSE = "QuestionnaireResponse"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """A reading and where it comes from: `<path as given>[:<line or entry from 1>][#<resource id>]`.

    counted  item number → value in our total, where the form states another one
    """

    source: str
    reading: Reading
    counted: Mapping[int, float] | None = None


def read_files(names: Sequence[str], rules: Rules) -> Iterator[Found]:
    """Every response of the files, in order, and what is wrong with a file, an entry or a line.

    ConfigError, before the first reading, when a file cannot be opened.
    """
    files = [File(name) for name in names]
    library = Library(rules)
    usable = {file: _survey(file, library) for file in files}
    return _read(usable, library)


def _pieces(file: File) -> Iterator[Piece]:
    """Every resource of a file, those of Bundles one by one, in order."""
    try:
        document = file.document()
        if document is not None:
            yield from pieces(file.name, document, numbered=True)
            return
        for number, line in file.lines():
            yield from pieces(f"{file.name}:{number}", line, numbered=False)
    except Stop as stop:
        yield Piece(file.name, problem=stop)


def _survey(file: File, library: Library) -> Stop | None:
    """The first pass over a file; what is wrong with it as a whole, if anything."""
    resources = lines = 0
    for piece in _pieces(file):
        lines += 1
        resources += is_resource(piece)
        if piece.type == "Questionnaire" and (body := piece.body()) is not None:
            library.add_questionnaire(body)
        elif piece.type in TERMS and (body := piece.body()) is not None:
            library.add_term(body)
        elif piece.type == "Observation" and (body := piece.body()) is not None:
            library.add_observation(file.name, body)
    if lines > 1 and not resources:
        return set_aside("not-json", "neither one JSON document nor lines of FHIR resources")
    return None


def _read(files: dict[File, Stop | None], library: Library) -> Iterator[Found]:
    for file, wrong in files.items():
        told = False
        for piece in _pieces(file) if wrong is None else (Piece(file.name, problem=wrong),):
            if piece.problem is not None:
                told = True
                yield Found(piece.where, _nothing(piece.problem))
            elif piece.type == RESPONSE:
                told = True
                yield _response(piece, file, library)
        if not told:
            yield Found(file.name, _nothing(skipped("no-response", "no QuestionnaireResponse in this file")))


def _response(piece: Piece, file: File, library: Library) -> Found:
    resolve = library.near(piece.bundle)
    if piece.raw is not None:
        reading = decode_response(bytes(piece.raw), library.rules, resolve)
    else:
        reading = read_response(piece.body(), library.rules, resolve)
    names = [f"{RESPONSE}/{reading.id}"] if reading.id else []
    names += [piece.full_url] if piece.full_url else []
    if reading.scores and reading.instrument:
        reading = beside(reading, library.stated(file.name, names, reading.instrument))
    where = f"{piece.where}#{reading.id}" if reading.id else piece.where
    if DIFFERS not in reading.flags or reading.instrument is None:
        return Found(where, reading)
    return Found(where, reading, counted(library.rules.instruments[reading.instrument], reading.answers))


def _nothing(stop: Stop) -> Reading:
    return Reading(stop.outcome, None, "", code=stop.code, reason=stop.reason)


def unknown(reading: Reading) -> bool:
    """Is it a response to a questionnaire that is not mapped?"""
    retracted = reading.outcome is Outcome.RETRACTED and reading.instrument is None
    return retracted or reading.code == "unknown-questionnaire"


def report(found: Found) -> list[Json]:
    """What `score --json` prints of a reading: a line for every scale, or one for the whole."""
    reading = found.reading
    common: Json = {"source": found.source}
    if reading.outcome is not Outcome.SKIPPED:  # of what is not ours to process, nothing more is said
        common |= {
            name: value
            for name in ("patient", "authored", "instrument", "version")
            if (value := getattr(reading, name)) is not None
        }
    lines = [
        common
        | {
            "scale": s.scale,
            "value": s.value,
            "raw": s.raw,
            "answered": s.answered,
            "items": s.items,
            "flags": list(s.flags),
        }
        | ({} if s.stated is None else {"stated": s.stated, "counted": _numbers(found.counted)})
        for s in reading.scores
    ]
    lines += [common | {"scale": u.scale, "reason": u.reason} for u in reading.unscored]
    return lines or [common | {"reason": reading.reason}]


def _numbers(counted: Mapping[int, float] | None) -> Json:
    """Item numbers as JSON has them."""
    return {str(number): value for number, value in (counted or {}).items()}
