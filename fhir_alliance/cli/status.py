"""`status`: did it run, what did it write, what is set aside, what now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import app
from .common import ConfigOption, EndpointOption, JsonOption, load_settings, one_endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..overview import Standing, Status
    from ..shadow import Shadow

MOST_LINES = 50


@app.command()
def status(
    config: ConfigOption = None,
    endpoint: EndpointOption = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="What would have been written on the whole history.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the last runs, freshness, open strains, what was set aside and what waits, of every endpoint."""
    from .. import overview
    from ..config import now_utc
    from ..opening import open_store

    settings = load_settings(config, logs=False)
    names = list(settings.endpoint) if endpoint is None and settings.endpoint else [one_endpoint(settings, endpoint)]
    if not settings.store_path.is_file():
        print_nothing(names, shadow=shadow, as_json=as_json)
        return
    with open_store(settings) as (engine, secret):
        now = now_utc()
        for name in names:
            if shadow:
                print_shadow(name, overview.in_shadow(engine, settings, name, secret, now), as_json=as_json)
                continue
            found = overview.status(engine, settings, name, now)
            strains = overview.standings(engine, settings, name, secret, now)
            typer.echo(json.dumps(status_json(found, strains)) if as_json else status_text(found, strains))


def print_nothing(names: list[str], *, shadow: bool, as_json: bool) -> None:
    """Before the first pass: the same keys, with nothing in them."""
    from ..overview import Status
    from ..shadow import Shadow

    if not as_json:
        typer.echo("No pass has run yet.")
        return
    for name in names:
        if shadow:
            print_shadow(name, Shadow(), as_json=True)
        else:
            typer.echo(json.dumps(status_json(Status(name), [])))


def print_shadow(endpoint: str, found: Shadow, *, as_json: bool) -> None:
    """What would have been written, by level and by clinician and week; in JSON each write."""
    typer.echo(
        json.dumps({"endpoint": endpoint} | found.to_json()) if as_json else f"Endpoint {endpoint}\n{found.text()}"
    )


def status_json(s: Status, strains: list[Standing]) -> dict[str, Any]:
    """Everything, for machines."""
    return {
        "endpoint": s.endpoint,
        "freshness": s.freshness.total_seconds() if s.freshness is not None else None,
        "runs": [{k: r[k] for k in ("id", "started", "finished", "exit_code", "complete")} for r in s.runs],
        "backlog": s.backlog,
        "review": dict(s.review),
        "due": s.due,
        "held": s.held,
        "unassigned": s.unassigned,
        "open_alerts": s.open_alerts,
        "answers": {"counts": dict(s.answers), "by_clinician": {k: dict(v) for k, v in s.answers_by_clinician.items()}},
        "waiting": dict(s.waiting),
        "alerts_per_clinician_week": s.alerts_per_clinician_week,
        "strains": [strain_json(x) for x in strains],
        "disagreements": s.disagreements,
        "quarantine": [
            {"source": q.source, "scale": q.scale or None, "reason": q.reason, "first_seen": q.first_seen.isoformat()}
            for q in s.quarantine
        ],
    }


def strain_json(x: Standing) -> dict[str, Any]:
    """One strain, as `status --json` and `demo --json` show it."""
    e = x.strain.episode
    return {
        "patient": x.strain.key.patient,
        "practitioner": x.strain.key.practitioner,
        "instrument": x.strain.key.instrument,
        "level": e.level,
        "kind": e.kind,
        "onset": e.onset.at.isoformat(),
        "state": str(e.state),
        "alerts": list(x.alerts),
        "answer": str(x.answer.said) if x.alerts else None,
        "snoozed_until": x.answer.until.isoformat() if x.answer.until else None,
    }


def status_text(s: Status, strains: list[Standing]) -> str:
    """The same for a person, in 80 columns."""
    age = "never" if s.freshness is None else f"{_ago(s.freshness.total_seconds())} ago"
    lines = [f"Endpoint {s.endpoint}", f"  last complete pass   {age}"]
    for r in s.runs[:5]:
        state = f"exit {r['exit_code']}" if r["finished"] else "running, or ended without a word"
        lines.append(f"    {r['started'][:19].replace('T', ' ')}  {r['id']}  {state}")
    lines.append(f"  left from last pass  {s.due} patients")
    names = {
        "planned": "planned writes",
        "pending": "writes under way",
        "unknown": "writes of unknown outcome",
        "review": "left to a person",
        "refused": "refused by the EHR",
    }
    lines += [f"  {names[k]:<20} {n}" for k, n in sorted(s.backlog.items())]
    if s.review:
        lines.append(f"  to look at           {sum(s.review.values())}: fhir-alliance review")
    lines += [f"  {k.replace('.', ', '):<20} {n}" for k, n in sorted(s.held.items())]
    if s.unassigned:
        lines.append(f"  without clinician    {s.unassigned} patients: scored, never alerted")
    open_now = [x for x in strains if x.strain.episode.state == "open"]
    lines.append(f"  open strains         {len(open_now)}")
    lines.append(f"  open alerts          {s.open_alerts}")
    for x in open_now:
        e = x.strain.episode
        alert = ", ".join([*x.alerts, str(x.answer.said)]) if x.alerts else "no alert"
        lines.append(
            f"    {x.strain.key.patient}  {x.strain.key.instrument}  {e.kind} since {e.onset.at:%Y-%m-%d}  {alert}"
        )
    if s.answers:
        lines.append(f"  answers to alerts    {', '.join(f'{n} {what}' for what, n in sorted(s.answers.items()))}")
    if s.waiting:
        lines.append(f"  held back            {sum(s.waiting.values())} alerts: alerts.max_per_day is reached")
    if s.alerts_per_clinician_week:
        lines.append("  alerts per clinician and week, mean of the last four weeks")
        lines += [f"    {who}  {n:g}" for who, n in sorted(s.alerts_per_clinician_week.items())]
    if s.disagreements:
        lines.append(f"  totals stated        {len(s.disagreements)} otherwise than the answers give; ours are written")
    lines += [f"    {_stated_otherwise(line)}" for line in s.disagreements[:MOST_LINES]]
    lines.append(f"  set aside            {len(s.quarantine)}")
    lines += [f"    {q.source}{' ' + q.scale if q.scale else ''}\n      {q.reason}" for q in s.quarantine[:MOST_LINES]]
    if s.quarantine:
        lines.append("  After mending these: fhir-alliance retry")
    return "\n".join(lines)


def _stated_otherwise(line: Mapping[str, Any]) -> str:
    from ..fhir.stated import number_text

    said = f"{number_text(line['stated'])} stated, sum {line['raw']:g} of {line['answered']} answers"
    return f"{line['response']}  {line['instrument']}  {said}"


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
