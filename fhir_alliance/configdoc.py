"""What the settings model says about itself: the example file, the reference page, the effective values.

Run as `python -m fhir_alliance.configdoc EXAMPLE.toml REFERENCE.md` it writes both files.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pydantic_settings import EnvSettingsSource

from .config import Settings, format_duration, is_loopback
from .config_messages import toml_path, variable, variable_in_use
from .config_tree import ANY, Setting, Table, tables

EXAMPLE_URL = "http://127.0.0.1:8080/fhir"
EXAMPLE_VARIABLE = "ALLIANCE_TOKEN"
_NAMES = {"endpoint": "main"}
_HEAD = """\
# Configuration of fhir-alliance. Every setting stands here.
# A line like "#key = value" shows a default; take the "#" away to change it.
# Each setting can be given as an environment variable instead: FHIR_ALLIANCE__WRITE__ENABLED=true
# Durations: 15m, 2h, 7d. Relative paths are relative to this file.
# Then: fhir-alliance check, fhir-alliance doctor, fhir-alliance sync --dry-run
"""
_INTRO = """\
# Settings

<!-- Generated from fhir_alliance.config.Settings by `make docs`: change the descriptions there. -->

Settings are read from one TOML file: the one that `--config` names, else `$FHIR_ALLIANCE_CONFIG`, else
`./fhir-alliance.toml`, else `fhir-alliance/fhir-alliance.toml` in the platform's config folder
(`$XDG_CONFIG_HOME` or `~/.config`).

- `fhir-alliance init` writes a commented file. `fhir-alliance check` says what is wrong with a file, and where each
  value is from. [config/fhir-alliance.example.toml](../../config/fhir-alliance.example.toml) is such a file.
- An unknown setting is an error. So is an unknown variable that begins with `FHIR_ALLIANCE__`.
- Each setting can be given as an environment variable: the names of its tables and its own, joined by two underscores,
  like `FHIR_ALLIANCE__WRITE__ENABLED=true`. The environment wins over the file. Lists and tables are given as JSON:
  `FHIR_ALLIANCE__COHORT__IDS='["p1", "p2"]'`. The name of an endpoint is lower case there.
- A duration is a number with its unit: `30s`, `15m`, `2h`, `7d`, `1h30m`.
- A relative path is relative to the folder of the file.
- A secret is given by reference, never by value: `{ file = "secrets/token" }` (mode 0600: only its owner may read it),
  `{ env = "ALLIANCE_TOKEN" }`, or `{ command = ["pass", "show", "ehr/token"] }`.
"""


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting as it is in force: its TOML path, its value as text (secrets masked), and where it is from."""

    path: str
    value: str
    origin: str


# -- the example file ----------------------------------------------------------------------------


def example(base_url: str = EXAMPLE_URL) -> str:
    """A commented configuration file, valid as it is, with every setting and its default."""
    chosen: dict[tuple[str, ...], str] = {("endpoint", ANY, "base_url"): _quote(base_url)}
    if not is_loopback(base_url):  # anonymous access is for this machine only
        chosen["endpoint", ANY, "auth", "method"] = '"bearer"'
        chosen["endpoint", ANY, "auth", "token"] = f'{{ env = "{EXAMPLE_VARIABLE}" }}'
    return _HEAD + "".join(_example_table(table, chosen) for table in tables(Settings))


def _example_table(table: Table, chosen: Mapping[tuple[str, ...], str]) -> str:
    name = ".".join(_NAMES.get(before, part) if part == ANY else part for before, part in _pairs(table.path))
    lines = [""]
    if table.path:
        lines += [f"# {table.description}"] if table.description else []
        lines.append(f"#[{name}]" if table.optional else f"[{name}]")
    for setting in table.settings:
        lines += _example_setting(setting, chosen)
    return "\n".join(lines) + "\n"


def _pairs(path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return zip(("", *path), path, strict=False)


def _example_setting(setting: Setting, chosen: Mapping[tuple[str, ...], str]) -> list[str]:
    key = setting.path[-1]
    if setting.path in chosen:
        return [f"# {setting.description}", f"{key} = {chosen[setting.path]}"]
    if setting.default is None:
        return [f"# {setting.description} (no default; an example)", f"#{key} = {toml_value(setting.example)}"]
    return [f"# {setting.description}", f"#{key} = {toml_value(setting.default)}"]


def toml_value(value: object) -> str:
    """A default as TOML text."""
    match value:
        case bool():
            return "true" if value else "false"
        case timedelta():
            return _quote(format_duration(value))
        case str() | Path():
            return _quote(str(value))
        case date():
            return value.isoformat()
        case list():
            return "[" + ", ".join(toml_value(v) for v in value) + "]"
        case dict():
            inside = ", ".join(f"{toml_path([k])} = {toml_value(v)}" for k, v in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else str(value)
        case _:
            raise TypeError(type(value).__name__)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# -- the reference page --------------------------------------------------------------------------


def reference() -> str:
    """docs/reference/config.md."""
    return _INTRO + "".join(_reference_table(table) for table in tables(Settings))


def _reference_table(table: Table) -> str:
    if not table.settings:
        return ""
    name = ".".join("NAME" if part == ANY else part for part in table.path)
    lines = ["", f"## `[{name}]`" if name else "## Top level", ""]
    if table.path:
        lines += [table.description + (" May be left out." if table.optional else ""), ""]
    lines += ["| setting | takes | default | what it is |", "|---|---|---|---|"]
    for s in table.settings:
        default = "required" if s.required else "–" if s.default is None else f"`{toml_value(s.default)}`"
        cells = (f"`{s.path[-1]}`", s.kind, default, s.description)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


# -- the values in force -------------------------------------------------------------------------


def effective(settings: Settings) -> list[Effective]:
    """Every setting that is in force, in the order of the file, with its origin.

    Origin is `file`, `default`, or the environment variable's name. A secret shows its reference only.
    """
    model = type(settings)
    file = model.toml
    in_file = tomllib.loads(file.read_text(encoding="utf-8")) if file else {}
    in_environment = EnvSettingsSource(model)()
    found = []
    for path, value in _leaves(settings.model_dump(), ()):
        if _given(in_environment, path):
            origin = variable_in_use(path) or variable(path)
        else:
            origin = "file" if _given(in_file, path) else "default"
        found.append(Effective(toml_path(path), value, origin))
    return found


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict) and set(value) == {"file", "env", "command"}:
        yield path, masked(value)
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif value is not None:
        yield path, toml_value(value)


def masked(secret: Mapping[str, Any]) -> str:
    """Where a secret is: the file, the variable, or only the program of the command."""
    kind, where = next((k, v) for k, v in secret.items() if v is not None)
    return f"{{ {kind} = {toml_value([where[0], '…'] if kind == 'command' and where[1:] else where)} }}"


def _given(tree: Any, path: tuple[str, ...]) -> bool:
    for part in path:
        if not isinstance(tree, Mapping) or part not in tree:
            return False
        tree = tree[part]
    return True


def main(example_file: str, reference_file: str) -> None:
    """Write both generated files."""
    for name, text in ((example_file, example()), (reference_file, reference())):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
