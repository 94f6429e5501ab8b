"""`audit`: what was read and written about one patient, from the audit trail."""

from __future__ import annotations

from typing import Annotated

import typer

from . import app
from .common import ConfigOption, EndpointOption, load_settings, one_endpoint


@app.command()
def audit(
    patient: Annotated[str, typer.Argument(metavar="PATIENT", help="Patient/ID, or the id alone.")],
    config: ConfigOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Print the audit trail of one patient: JSON lines, oldest first."""
    from ..audit import lines_about, named
    from ..store.database import alert_secret

    settings = load_settings(config, logs=False)
    base = settings.endpoint[one_endpoint(settings, endpoint)].base_url
    if not settings.store_path.is_file():
        typer.echo("No pass has run yet.", err=True)
        return
    secret = alert_secret(settings.store_path, create=False)
    reference = f"Patient/{patient.removeprefix('Patient/')}"
    for line in lines_about(settings.audit_path, named(secret, base, reference)):
        typer.echo(line)
