"""The product with a leak put in on purpose (`leaky.py WHERE sync …`): the canary check must fail on it.

WHERE is log, message or report: where the content of every response goes that is read.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from fhir_alliance import cli
from fhir_alliance.log import log
from fhir_alliance.report import RunReport

WHERE = sys.argv.pop(1)
seen: list[str] = []
reading: Any = import_module("fhir_alliance.reading")
decode = reading.decode_response


def decode_and_leak(raw: Any, *others: Any) -> Any:
    text = bytes(raw).decode(errors="replace")
    seen.append(text)
    if WHERE == "log":
        log("patient.incomplete", "warning", error=text)
    if WHERE == "message":
        sys.stderr.write(f"fhir-alliance: cannot read {text}\n")
    return decode(raw, *others)


def report_and_leak(self: RunReport) -> dict[str, Any]:
    return to_json(self) | {"last": seen[-1]}


to_json = RunReport.to_json
reading.decode_response = decode_and_leak
if WHERE == "report":
    RunReport.to_json = report_and_leak  # type: ignore[method-assign]
cli.main()
