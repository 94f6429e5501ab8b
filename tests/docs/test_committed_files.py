"""What must never be committed: download hosts, places of one machine, wording of instruments."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOSTS = (
    r"pypi\.org|pythonhosted\.org|npmjs\.(org|com)|repo1?\.maven|(deb|ftp)\.debian\.org|crates\.io|proxy\.golang\.org"
)
LOCKS = re.compile(r"(^|/)[^/]*(\.lock|lock[^/]*\.(json|txt|yaml))$")


def committed() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is nothing that is committed")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def texts() -> dict[str, str]:
    found = {}
    for path in committed():
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


def test_no_file_names_a_download_host() -> None:
    assert {name: match[0] for name, text in texts().items() if (match := re.search(HOSTS, text))} == {}


def test_no_lock_names_an_address() -> None:
    locks = {name: text for name, text in texts().items() if LOCKS.search(name)}
    assert "requirements.lock" in locks
    assert [name for name, text in locks.items() if re.search(r"https?://|git\+|file:", text)] == []


def test_no_file_names_a_place_of_one_machine() -> None:
    homes = re.compile(rf"/(?:home|Users)/[a-z]\w*|{re.escape(str(ROOT))}(?![\w-])|{re.escape(str(Path.home()))}/")
    assert {name: match[0] for name, text in texts().items() if (match := homes.search(text))} == {}


def test_every_locked_package_has_hashes_and_every_dependency_is_locked() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(
        r"^([a-z0-9][a-z0-9.-]*)==(\S+)[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}[^\n]*\n)+)", lock, re.MULTILINE
    )
    assert len(entries) == len(re.findall(r"^\S+==", lock, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    wanted += [d for extra in project["project"]["optional-dependencies"].values() for d in extra]
    names = {re.split(r"[<>=!~;\[ ]", d)[0].lower().replace("_", "-").replace(".", "-") for d in wanted}
    assert names <= {name for name, *_ in entries}


def test_the_node_lock_has_integrity_for_every_package() -> None:
    lock = json.loads((ROOT / "tests/servers/medplum/package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, package in lock["packages"].items() if name and not package.get("integrity")] == []


def test_pre_commit_runs_the_locked_tools() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    entries = {hook["entry"].split()[0] for repo in hooks for hook in repo["hooks"]}
    assert entries == {".venv/bin/ruff", ".venv/bin/mypy"}


@pytest.mark.parametrize("path", sorted((ROOT / "fhir_alliance/instruments").glob("*.toml")), ids=lambda p: p.stem)
def test_an_instrument_holds_numbers_and_no_wording(path: Path) -> None:
    """No text but the site-facing titles, the terms, the provenance and names of examples; none about single items."""
    definition = tomllib.loads(path.read_text(encoding="utf-8"))
    told = {key: definition.pop(key) for key in ("title", "licence", "provenance")}
    assert len(told["title"]) <= 80
    names = [case.pop("name") for case in definition["example"]]
    assert len(names) == len(set(names))
    assert [text for text in strings(definition) if len(text) > 60 or len(text.split()) > 8] == []
    assert [text for text in strings(definition.get("items")) if " " in text] == []


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for v in inside for text in strings(v)]
