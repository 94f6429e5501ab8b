"""Documentation is tested: complete, fresh, and its links lead somewhere."""

from __future__ import annotations

import ast
import html
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fhir_alliance import instruments
from fhir_alliance.cli.commands import status as status_command
from fhir_alliance.clidoc import command_names
from fhir_alliance.clidoc import reference as cli_reference
from fhir_alliance.config import Settings
from fhir_alliance.config_tree import tables
from fhir_alliance.configdoc import example
from fhir_alliance.configdoc import reference as config_reference
from fhir_alliance.ehrdoc import table as ehr_table
from fhir_alliance.errors import Exit
from fhir_alliance.instrumentdoc import reference as instrument_reference
from fhir_alliance.instruments.schema import text as schema_text
from fhir_alliance.log import EVENTS
from fhir_alliance.overview import Status
from fhir_alliance.plan import Op
from fhir_alliance.replay import Would
from fhir_alliance.report import RunReport
from fhir_alliance.shadow import Shadow

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fhir_alliance"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")])
DOCS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
COMMAND = re.compile(r"^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*fhir-alliance ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", re.MULTILINE)

STOPS = {"set_aside", "skipped", "waiting", "invalid", "Stop", "_reject"}


def code_blocks(text: str) -> str:
    return "\n".join(re.findall(r"```(?:sh|console|)\n(.*?)```", text, re.DOTALL))


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("file", "fresh"),
    [
        ("docs/reference/config.md", config_reference),
        ("docs/reference/cli.md", cli_reference),
        ("docs/reference/instruments.md", instrument_reference),
        ("docs/reference/ehrs.md", ehr_table),
        ("fhir_alliance/instruments/instrument.schema.json", schema_text),
        ("config/fhir-alliance.example.toml", example),
    ],
)
def test_what_is_generated_is_fresh(file: str, fresh: object) -> None:
    assert callable(fresh)
    assert (ROOT / file).read_text(encoding="utf-8") == fresh(), "run: make docs"


def test_every_setting_says_what_it_is() -> None:
    assert [s.path for t in tables(Settings) for s in t.settings if not s.description] == []


def test_every_command_says_what_it_does() -> None:
    rows = re.findall(r"^\| \[`fhir-alliance [^`]+`\][^|]*\|([^|]*)\|$", DOCS["docs/reference/cli.md"], re.MULTILINE)
    assert len(rows) == len(command_names())
    assert all(row.strip() for row in rows)


def test_every_exit_code_is_documented() -> None:
    page = DOCS["docs/reference/exit-codes.md"]
    assert {int(code) for code in re.findall(r"^\| (\d) \|", page, re.MULTILINE)} == {int(code) for code in Exit}


def test_every_log_event_is_documented() -> None:
    rows = re.findall(r"^\| `([a-z.]+)` \| (.+) \|$", DOCS["docs/reference/logs.md"], re.MULTILINE)
    assert dict(rows) == EVENTS


def documented_keys(text: str) -> set[str]:
    """Keys in the first cells of the tables."""
    cells = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    return {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}


def test_every_key_of_the_reports_is_documented() -> None:
    report, _, others = DOCS["docs/reference/report.md"].partition("## `sync --shadow --json`")
    shadowed, _, standing = others.partition("## `status --json`")
    assert documented_keys(report) == set(RunReport("1", datetime.now(UTC)).to_json())
    would = Would("Task", Op.CREATE, "Patient/1", "Practitioner/1", datetime.now(UTC), "drop", 2)
    shadow = {"endpoint": "main"} | Shadow(would_write=(would,)).to_json()
    assert documented_keys(shadowed) == set(shadow)
    assert set(re.findall(r"^- `(\w+)`: ", shadowed, re.MULTILINE)) == set(shadow["would_write"][0])
    assert documented_keys(standing) == set(status_command.status_json(Status("main"), []))


def test_every_reason_is_documented() -> None:
    words = set()
    for path in [*(PACKAGE / "fhir").glob("*.py"), *(PACKAGE / f"{name}.py" for name in ("documents", "placing"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in STOPS:
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                words |= {text for text in texts[:1] if " " not in text}
    rows = re.findall(
        r"^\| (`.+?) \| (?:waiting|skipped|retracted|set aside) \|", DOCS["docs/reference/score.md"], re.MULTILINE
    )
    documented = {word for row in rows for word in re.findall(r"`([a-z0-9-]+)`", row)}
    assert len(words) > 30
    assert words <= documented


def test_every_instrument_is_documented() -> None:
    page = DOCS["docs/reference/instruments.md"]
    for instrument in instruments.load_all().values():
        assert f"`{instrument.id}`" in page
        assert instrument.holder in page


@pytest.mark.parametrize("page", DOCS)
def test_commands_in_code_exist(page: str) -> None:
    names = set(command_names())
    for first, second in COMMAND.findall(code_blocks(DOCS[page])):
        assert first in names or f"{first} {second}" in names, f"{first} {second}"


@pytest.mark.parametrize("page", DOCS)
def test_make_targets_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", DOCS[page])) <= targets
    assert set(re.findall(r"^\s*(?:\$ )?make ([a-z]+)", code_blocks(DOCS[page]), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", DOCS)
def test_links_lead_somewhere(page: str) -> None:
    text = re.sub(r"```.*?```", "", DOCS[page], flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", text)
    for link in (a or b for a, b in links):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_reached_from_the_readme() -> None:
    reached, new = set(), {"README.md"}
    while new:
        page = new.pop()
        reached.add(page)
        for link in re.findall(r"\]\(([^)#\s]+\.md)", DOCS[page]):
            if not re.match(r"[a-z]+:", link):
                target = ((ROOT / page).parent / link).resolve().relative_to(ROOT).as_posix()
                new |= {target} - reached
    assert set(DOCS) == reached


def test_the_readme_shows_what_the_demo_prints() -> None:
    """Every line of the excerpt is a line of the committed picture, which `make pictures` draws from a real run."""
    drawn: dict[float, list[tuple[float, str]]] = {}
    picture = (ROOT / "docs/images/demo-80-light.svg").read_text(encoding="utf-8")
    for x, y, text in re.findall(r'<text [^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', picture):
        drawn.setdefault(float(y), []).append((float(x), html.unescape(re.sub(r"<[^>]+>", "", text))))
    screen = {squeezed("".join(text for _, text in sorted(row))) for row in drawn.values()}
    excerpt = re.findall(r"```text\n(.*?)```", DOCS["README.md"], re.DOTALL)[0]
    lines = [squeezed(line) for line in excerpt.splitlines() if line.strip()]
    assert len(lines) > 10
    assert set(lines) <= screen, "run: make pictures, and take the excerpt from its 80 columns"


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_the_makefile_explains_its_targets() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("demo", "test", "lint", "bench", "help"):
        assert re.search(rf"make {target} +\S", done.stdout), target
