"""Launcher of the embedded FHIR server: `python -m fhir_alliance.demo.sekmet SETTINGS [--until-stdin-closes]`.

sekmet-fhir is somebody else's server. Ours are only the rows below: its table of search parameters
leaves out the types that this project searches, and a server may ignore a parameter that it does
not know. Engine, storage, paging and validation stay its own.
"""

from __future__ import annotations

import os
import sys
import threading

SEARCH_PARAMETERS: dict[str, tuple[str, ...]] = {
    "QuestionnaireResponse": (
        "identifier:token:identifier",
        "patient:reference:subject:Patient",
        "subject:reference:subject",
        "encounter:reference:encounter",
        "questionnaire:uri:questionnaire",
        "status:token:status",
        "authored:date:authored",
        "author:reference:author",
        "source:reference:source",
        "based-on:reference:basedOn",
        "part-of:reference:partOf",
    ),
    "Questionnaire": (
        "identifier:token:identifier",
        "url:uri:url",
        "version:token:version",
        "status:token:status",
        "name:string:name",
    ),
    "DetectedIssue": (
        "identifier:token:identifier",
        "patient:reference:patient:Patient",
        "code:token:code",
        "identified:date:identifiedDateTime|identifiedPeriod",
        "author:reference:author",
        "implicated:reference:implicated",
    ),
    "Library": (
        "identifier:token:identifier",
        "url:uri:url",
        "version:token:version",
        "status:token:status",
        "name:string:name",
    ),
}
"""Type → "name:kind:path[|path][:target type]", the columns of sekmet's own table."""


def extend() -> None:
    """Add the rows to sekmet's table, in this process."""
    from sekmet.fhir.search_params import PARAMS, SearchParam

    for type_, rows in SEARCH_PARAMETERS.items():
        PARAMS[type_] = {}
        for row in rows:
            name, kind, paths, *target = row.split(":")
            PARAMS[type_][name] = SearchParam(name, kind, tuple(paths.split("|")), target[0] if target else None)


def _leave_with_parent() -> None:
    """End when the parent does, however it ends: its end of our stdin closes."""

    def watch() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str]) -> None:
    """Serve until told to stop. The settings file is sekmet's own (YAML)."""
    import uvicorn
    from sekmet.config import load_settings

    if "--until-stdin-closes" in arguments:
        _leave_with_parent()
    extend()
    settings = load_settings(arguments[0])
    uvicorn.run("sekmet.main:app_factory", factory=True, host=settings.host, port=settings.port, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1:])
