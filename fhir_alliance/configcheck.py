"""What the settings model alone cannot tell of a configuration: does it fit this machine, and itself? Offline."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec

from . import instruments
from .catalogue import catalogue, files
from .config import Secret, Settings
from .config_auth import Auth
from .config_serve import SHORTEST
from .config_types import is_loopback
from .errors import ConfigError
from .fhir.inbound import rules
from .fhir.wire import client_certificate
from .rulebook import OUTSIDE, SINK_TYPES


def problems(settings: Settings) -> list[str]:
    """What must be mended before a pass can do its work, one line each, with the setting's path first."""
    found = (_reach(settings), _secrets(settings), _instruments(settings), _schedule(settings))
    return list(dict.fromkeys(line for lines in found for line in lines))


def notes(settings: Settings) -> list[str]:
    """What is allowed and perhaps not meant, one line each."""
    return list(_notes(settings))


def _reach(settings: Settings) -> Iterator[str]:
    if not settings.endpoint:
        yield "endpoint: name a server, [endpoint.main] with base_url"
    if settings.cohort.source == "ids" and not settings.cohort.ids:
        yield "cohort.ids: nobody would be read; name patients, or choose another cohort.source"


def _secrets(settings: Settings) -> Iterator[str]:
    for name, endpoint in settings.endpoint.items():
        for table, auth in (("auth", endpoint.auth), ("write_auth", endpoint.write_auth)):
            if auth is None:
                continue
            for key in ("password", "token", "client_secret", "key"):
                secret = getattr(auth, key)
                if secret is not None and (wrong := _secret(secret, settings)):
                    yield f"endpoint.{name}.{table}.{key}: {wrong}"
                elif key == "key" and secret is not None and (wrong := _key(secret, auth.kid, settings)):
                    yield f"endpoint.{name}.{table}.key: {wrong}"
            yield from (f"endpoint.{name}.{table}.{wrong}" for wrong in _identity(auth, settings))
    if (secret := settings.alerts.webhook.secret) and (wrong := _secret(secret, settings)):
        yield f"alerts.webhook.secret: {wrong}"
    if secret := settings.serve.nudge.secret:
        if wrong := _secret(secret, settings):
            yield f"serve.nudge.secret: {wrong}"
        elif secret.command is None and len(secret.reveal(settings.root)) < SHORTEST:
            yield f"serve.nudge.secret: it has fewer than {SHORTEST} characters"


def _secret(secret: Secret, settings: Settings) -> str | None:
    """Why it cannot be had. A command is looked for, not run: it may ask a person or a network."""
    if secret.command is not None:
        program = (secret.command or [""])[0]
        return None if shutil.which(program) else f"there is no program {program!r} on this machine"
    try:
        secret.reveal(settings.root)
    except ConfigError as error:
        return str(error)
    return None


def _key(secret: Secret, kid: str | None, settings: Settings) -> str | None:
    """Why it cannot be signed with."""
    from .signing import load

    try:
        if secret.command is None:
            load(secret.reveal(settings.root), kid)
    except ConfigError as error:
        return str(error)
    return None


def _identity(auth: Auth, settings: Settings) -> Iterator[str]:
    """Settings of one identity that do not go together, and a client certificate that is of no use."""
    if auth.client_id_header and not auth.client_id:
        yield "client_id_header: client_id, which it is to carry, is missing"
    if auth.certificate_key and not auth.certificate:
        yield "certificate_key: certificate, to which it belongs, is missing"
    try:
        client_certificate(auth, settings.root)
    except ConfigError as error:
        yield f"certificate: {error}"


def _instruments(settings: Settings) -> Iterator[str]:
    wrong = [*_files(settings)]
    yield from wrong
    if wrong:
        return
    known = catalogue(settings)
    named = {
        "licences.attested": settings.licences.attested,
        "detection.cutoffs": settings.detection.cutoffs,
        "detection.policies": settings.detection.policies,
    }
    absent = [(setting, id) for setting, ids in named.items() for id in ids if id not in known]
    for setting, id in absent:
        yield f"{setting}: there is no instrument {id!r}; there are {', '.join(sorted(known))}"
    for name in [] if absent else settings.endpoint or [None]:
        try:
            rules(settings, name, now=datetime.now(UTC))
        except ConfigError as error:
            yield str(error)


def _files(settings: Settings) -> Iterator[str]:
    """What is wrong with the site's own instruments, worked examples included."""
    before = 0
    for path in files(settings):
        try:
            found = instruments.validate(path)
        except ConfigError as error:
            found = [str(error)]
        before += bool(found)
        yield from (f"instruments.files: {path}: {problem}" for problem in found)
    if not before:
        try:
            catalogue(settings)
        except ConfigError as error:
            yield f"instruments.files: {error}"


def _schedule(settings: Settings) -> Iterator[str]:
    if settings.schedule.cron is not None:
        from .schedule import trigger

        try:
            trigger(settings.schedule)
        except ConfigError as error:
            yield str(error)
    if settings.serve.listens and not all(find_spec(name) for name in ("starlette", "uvicorn")):
        yield "serve: the web server is not installed; run: pip install 'fhir-alliance[serve]'"


def _notes(settings: Settings) -> Iterator[str]:
    serve, write = settings.serve, settings.write
    host = f"[{serve.host}]" if ":" in serve.host else serve.host
    if serve.listens and not is_loopback(f"http://{host}"):
        yield (
            f"serve.host {serve.host} is reached from other machines, by plain HTTP: put a proxy with TLS in front, or "
            "anybody on the way reads the secret and the patients' ids of /nudge"
        )
    if not write.enabled:
        yield "write.enabled is false: passes read, score and plan, and write nothing to the EHR"
        return
    if not write.types:
        yield "write.types is empty: nothing is written"
    if write.scores.sink in {"observation", "flowsheet"} and "Observation" not in write.types:
        yield "Observation is not in write.types: scores are not written"
    if write.scores.sink == "document" and "DocumentReference" not in write.types:
        yield "DocumentReference is not in write.types: scores are not written"
    for sink in settings.alerts.sinks:
        kind = SINK_TYPES[sink]
        if kind not in OUTSIDE and kind not in write.types:
            yield f"{kind} is not in write.types: the alert sink {sink!r} writes nothing"
    documents = "document" in settings.alerts.sinks or write.scores.sink == "document"
    if documents and settings.alerts.document.type is None:
        yield "alerts.document.type is not set: many EHRs refuse a document that is not of a type of theirs"
