"""The shape of the package: who may import whom, and what the pure core stays free of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fhir_alliance"

# Lowest layer first. A module imports only from its own line and those above it in this list.
LAYERS = (
    "model errors",
    "instruments scoring detection wording figures sparkline answers restricted",
    "keys placing derive explanation chart_view",
    "strain_note",
    "plan",
    "digest",
    "corroboration",
    "alerting filing",
    "messages",
    "decide past replay shadow",
    # above: pure
    "config_types config_auth config_serve config_writing config_tree config_messages config catalogue rows log faults "
    "report audit vendors signing keyfolder",
    "fhir store sinks series series_arrays series_cells event_lines files library documents chart schedule",
    "lookup merges by_hand reading strays missing permission stated_totals cohort changes due apply listening outcomes "
    "provenance audit_events rulebook configcheck imagined",
    "holdings review own_device read_ahead tally patients copies whom pushing passing overview explaining doctor",
    "opening reconcile nudging",
    "sync web",
    "demo configdoc instrumentdoc ehrdoc simulate calibrate",
    "cli",
    "clidoc",
)
PURE = {name for names in LAYERS[:10] for name in names.split()}
ALLOWED = {"__future__", "bisect", "collections", "dataclasses", "datetime", "enum", "functools", "hashlib"}
ALLOWED |= {"itertools", "math", "operator", "re", "statistics", "textwrap", "types", "typing", "fhir_alliance"}
ALLOWED |= {"msgspec"}  # frozen types that are made quickly
ALLOWED_ALSO = {
    "figures": {"importlib", "json"},  # reads the figures beside it
    "detection": {"importlib", "numpy"},  # a policy's own module, when it is asked for; the array form, see below
    "instruments": {"importlib", "json", "os", "pathlib", "tomllib"},  # reads its own definition files
    "keys": {"hmac", "uuid"},  # uuid5: a hash
}


def modules() -> dict[str, Path]:
    """Dotted name inside the package → file, migrations left out."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if "versions" not in parts:
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def top(module: str) -> str:
    return module.split(".")[0]


def imported(module: str) -> Iterator[str]:
    """Every imported module: ours as "fhir_alliance.x", others by their full name; lazy imports too."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" and module else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ["fhir_alliance", *package[: len(package) - node.level + 1]]
            if node.module:
                yield ".".join([*base, node.module])
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)


def ours(module: str) -> set[str]:
    """The modules directly under the package that this one imports, itself left out."""
    names = {name.split(".")[1] for name in imported(module) if name.startswith("fhir_alliance.")}
    return {name for name in names if name in {top(m) for m in MODULES}} - {top(module)}


def layer(name: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if name in names.split())


def test_every_module_has_its_layer() -> None:
    placed = [name for names in LAYERS for name in names.split()]
    assert len(placed) == len(set(placed))
    assert set(placed) == {top(m) for m in MODULES if m} - {"__main__"}


@pytest.mark.parametrize("module", [m for m in MODULES if m and m != "__main__"])
def test_a_module_imports_only_from_its_own_layer_and_below(module: str) -> None:
    above = {name for name in ours(module) if layer(name) > layer(top(module))}
    assert not above


def test_the_readable_policies_do_without_numpy() -> None:
    users = {m for m in MODULES if top(m) == "detection" and any(n.split(".")[0] == "numpy" for n in imported(m))}
    assert all(m.startswith("detection.array") for m in users)
    asking = {m for m in MODULES if m.startswith("detection") and any("detection.array" in n for n in imported(m))}
    assert all(m.startswith("detection.array") for m in asking)


@pytest.mark.parametrize("module", [m for m in MODULES if top(m) in PURE])
def test_the_core_is_pure(module: str) -> None:
    roots = {name.split(".")[0] for name in imported(module)}
    assert roots <= ALLOWED | ALLOWED_ALSO.get(top(module), set())
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert {
        name for name in called if name.endswith((".now", ".today", ".utcnow")) or name in {"print", "input"}
    } == set()
    assert "open" not in called or top(module) == "instruments"


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("fhir.resources", {"fhir.outbound"}),
        ("fhir_core", {"fhir.outbound"}),
        ("altair", {"chart", "calibrate"}),
        ("vl_convert", {"chart", "demo"}),
        ("alembic", {"store"}),
        ("sqlalchemy", {"store", "overview", "passing", "opening", "sync", "explaining", "nudging"}),
        ("typer", {"cli", "clidoc"}),
        ("apscheduler", {"schedule"}),
        ("requests", {"fhir", "demo", "sinks.webhook"}),
        ("sekmet", {"demo"}),
        ("starlette", {"web"}),
        ("uvicorn", {"web", "demo"}),
        ("fhir_alliance.web", {"web", "cli.serve"}),
    ],
)
def test_a_library_is_at_home_in_one_place(library: str, home: set[str]) -> None:
    users = {m for m in MODULES for name in imported(m) if name == library or name.startswith(f"{library}.")}
    assert {m for m in users if m not in home and top(m) not in home} == set()


def test_commands_import_what_is_heavy_only_when_they_run() -> None:
    light = {"typer", "fhir_alliance", "collections", "contextlib", "dataclasses", "datetime", "json", "os", "pathlib"}
    light |= {"sys", "typing", "__future__", "enum", "functools", "signal", "time", "textwrap", "threading"}
    for module in (m for m in MODULES if top(m) == "cli"):
        tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= light, module
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                assert (node.module or "").split(".")[0] in light, module
            elif isinstance(node, ast.ImportFrom) and node.level > 1:
                assert node.module in {"errors", "model"}, module
