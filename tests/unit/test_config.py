"""Settings: what is accepted, what is refused and in which words, where values come from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from fhir_alliance.config import Settings, find_config, format_duration, load, parse_duration
from fhir_alliance.errors import ConfigError

Load = Callable[[str], Settings]
LOOPBACK = '[endpoint.main]\nbase_url = "http://127.0.0.1:8080/fhir"\n'
REMOTE = '[endpoint.main]\nbase_url = "https://ehr.example.org/fhir"\n'


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FHIR_ALLIANCE_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-such-folder"))


@pytest.fixture
def read(tmp_path: Path) -> Load:
    def read(text: str) -> Settings:
        (tmp_path / "site.toml").write_text(text, encoding="utf-8")
        return load(tmp_path / "site.toml")

    return read


def complaint(read: Load, text: str) -> list[str]:
    """The lines that name what is wrong, without the headline."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.exit_code == 2
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


# -- what is accepted ----------------------------------------------------------------------------


def test_the_smallest_file_of_the_documentation_is_enough(read: Load) -> None:
    settings = read(
        LOOPBACK
        + """
        [endpoint.main.auth]
        method = "none"
        [cohort]
        source = "search"
        [store]
        path = "state/alliance.db"
        [questionnaires]
        "https://clinic.example/Questionnaire/our-wai|2" = "wai-sr-c"
        [write]
        enabled = true
        types = ["Observation", "Task"]
        """
    )
    assert settings.endpoint["main"].base_url == "http://127.0.0.1:8080/fhir"
    assert settings.questionnaires == {"https://clinic.example/Questionnaire/our-wai|2": "wai-sr-c"}
    assert settings.write.enabled
    assert settings.write.types == ["Observation", "Task"]


def test_writing_is_off_without_being_asked_for(read: Load) -> None:
    assert not read(LOOPBACK).write.enabled
    assert read(LOOPBACK).write.types == []


def test_without_a_file_there_are_defaults_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_ALLIANCE__LOG__LEVEL", "debug")
    settings = load(None)
    assert settings.log.level == "debug"
    assert settings.endpoint == {}


def test_relative_paths_are_relative_to_the_file(read: Load, tmp_path: Path) -> None:
    assert read('[store]\npath = "state/a.db"').store_path == tmp_path / "state" / "a.db"
    assert read('[store]\npath = "/var/lib/alliance/a.db"').store_path == Path("/var/lib/alliance/a.db")


def test_dates_and_durations(read: Load) -> None:
    settings = read('[alerts]\nsince = 2026-03-01\nmax_age = "14d"\n[schedule]\nevery = "1h30m"')
    assert settings.alerts.since == date(2026, 3, 1)
    assert settings.alerts.max_age == timedelta(days=14)
    assert settings.schedule.every == timedelta(minutes=90)


@pytest.mark.parametrize("text", ["15m", "7d", "1m", "2h", "90s", "0s", "1.5s", "1d", "36h"])
def test_a_duration_is_written_as_it_is_read(text: str) -> None:
    value = parse_duration(text)
    assert isinstance(value, timedelta)
    assert parse_duration(format_duration(value)) == value


@pytest.mark.parametrize("base", ["http://localhost:8080/fhir", "http://[::1]/fhir", "http://127.0.0.9/fhir/"])
def test_plain_http_to_this_machine(read: Load, base: str) -> None:
    assert read(f'[endpoint.main]\nbase_url = "{base}"').endpoint["main"].base_url == base.rstrip("/")


# -- what is refused, in which words -------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[wrtie]\nenabled = true", "wrtie: there is no such setting; did you mean write?"),
        ("[write]\nenabeld = true", "write.enabeld: there is no such setting; did you mean enabled?"),
        ("[write]\nxyzzy = true", "write.xyzzy: there is no such setting"),
        (LOOPBACK + "authh = 1", "endpoint.main.authh: there is no such setting; did you mean auth?"),
        ('[endpoint]\nbase_url = "x"', "endpoint.base_url: an endpoint has a name: [endpoint.main]"),
        ("[endpoint.main]", "endpoint.main.base_url: is missing"),
        ("cohort = 3", "cohort: give a table"),
        ("[read]\noverlap = 15", "read.overlap: give a duration with its unit, like 15m, 2h, 7d or 60s"),
        ('[read]\noverlap = "a while"', "read.overlap: give a duration like 15m, 2h, 7d or 60s"),
        ('[schedule]\nevery = "0s"', "schedule.every: give a duration above zero"),
        ('[schedule]\nevery = "1h"\ncron = "0 * * * *"', "schedule: give every or cron, not both"),
        ("[read]\npage_size = 0", "read.page_size: give 1 or more"),
        ("[read]\npage_size = 1001", "read.page_size: give 1000 or less"),
        ("[read]\npage_size = 1.5", "read.page_size: give a whole number"),
        ("[write]\nmax_alert_share = 1.5", "write.max_alert_share: give 1.0 or less"),
        ('[write]\nenabled = "perhaps"', "write.enabled: give true or false"),
        (
            '[write]\ntypes = ["Patient"]',
            "write.types[1]: give 'Observation', 'Task', 'Flag', 'Communication', 'DocumentReference', 'Device', "
            "'Provenance' or 'AuditEvent'",
        ),
        ("[write.scores]\nsink = \"flowsheet\"", "write.scores: sink = flowsheet needs flowsheet_rows"),
        (
            '[write.scores.flowsheet_rows]\n"wai-sr-c/total" = "1234"',
            "write.scores.flowsheet_rows.\"wai-sr-c/total\": give system|code, like http://loinc.org|11506-3",
        ),
        ('[alerts]\nsinks = ["webhook"]', "alerts: the sink webhook needs [alerts.webhook] with url and secret"),
        (
            '[alerts.webhook]\nurl = "http://hooks.example.org/x"',
            "alerts.webhook.url: plain http is allowed for this machine only; use https",
        ),
        (
            '[alerts]\npool = "Group/1"',
            "alerts: pool is CareTeam, Organization, HealthcareService, PractitionerRole and an id, like CareTeam/12",
        ),
        (
            '[alerts]\nsender = "Patient/1"',
            "alerts: sender is Practitioner, PractitionerRole, Organization, HealthcareService, Device and an id, "
            "like Practitioner/12",
        ),
        ('[read]\nencounter_classes = "AMB"', "read.encounter_classes: give a list, like [...]"),
        ('[alerts]\nsince = "soon"', "alerts.since: give a date, like 2026-01-31"),
        ('[cohort]\nsource = "group"', "cohort: source = group needs id"),
        ('namespace = "ours"', "namespace: give an absolute URI, like https://clinic.example/alliance"),
        (
            LOOPBACK + 'timezone = "Mars"',
            "endpoint.main.timezone: not a known time zone; use an IANA name like Europe/Berlin",
        ),
        (
            '[questionnaires]\n"https://x.example/q|2" = { instrumnt = "wai-sr-c" }',
            'questionnaires."https://x.example/q|2".instrument: is missing',
        ),
        (
            "[questionnaires]\nq = 3",
            'questionnaires.q: give an instrument, or { instrument = "...", items = { linkId = number } }',
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_place_in_the_file(read: Load, text: str, line: str) -> None:
    assert line in complaint(read, text)


def test_all_mistakes_are_told_at_once(read: Load) -> None:
    assert complaint(read, '[read]\npage_size = 0\nmode = "fast"\n[log]\nlevel = "loud"') == [
        "read.mode: give 'auto', 'watermark', 'clinical-window' or 'full-diff'",
        "read.page_size: give 1 or more",
        "log.level: give 'debug', 'info', 'warning' or 'error'",
    ]


@pytest.mark.parametrize(
    ("base", "advice"),
    [
        ("http://ehr.example.org/fhir", "plain http is allowed for this machine only; use https"),
        ("http://127.0.0.1.example.org/fhir", "plain http is allowed for this machine only; use https"),
        ("ehr.example.org/fhir", "give an absolute URL, like https://ehr.example.org/fhir/r4"),
        ("ftp://ehr.example.org", "give an absolute URL, like https://ehr.example.org/fhir/r4"),
        ("https://ehr.example.org/fhir?x=1", "a base URL has no query and no fragment"),
        ("https://me:hunter2@ehr.example.org/fhir", "put credentials under auth, not into the URL"),
    ],
)
def test_a_base_url_that_cannot_be_one(read: Load, base: str, advice: str) -> None:
    assert f"endpoint.main.base_url: {advice}" in complaint(read, f'[endpoint.main]\nbase_url = "{base}"')


def test_anonymous_access_is_for_this_machine_only(read: Load) -> None:
    assert complaint(read, REMOTE) == ["endpoint.main: auth.method = none is allowed for this machine only"]


def test_what_is_not_toml_or_not_there(read: Load, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"site.toml is not valid TOML: .*line 2"):
        read("[read]\npage_size = \n")
    (tmp_path / "latin.toml").write_bytes(b'namespace = "\xe9"')
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load(tmp_path / "latin.toml")
    with pytest.raises(ConfigError, match="no configuration file at"):
        load(tmp_path / "absent.toml")


# -- secrets -------------------------------------------------------------------------------------

BEARER = REMOTE + '[endpoint.main.auth]\nmethod = "bearer"\n'


def test_a_secret_itself_is_refused_and_not_repeated(read: Load) -> None:
    (line,) = complaint(read, BEARER + 'token = "c4n4ry-t0ken"')
    assert line.startswith("endpoint.main.auth.token: a secret is given by reference: { file = ")
    assert "c4n4ry" not in line


@pytest.mark.parametrize("token", ["{}", '{ env = "A", file = "b" }'])
def test_a_secret_has_exactly_one_place(read: Load, token: str) -> None:
    assert "endpoint.main.auth.token: give exactly one of file, env, command" in complaint(
        read, f"{BEARER}token = {token}"
    )


def test_an_identity_is_complete(read: Load) -> None:
    assert "endpoint.main.auth: bearer needs token" in complaint(read, BEARER)
    basic = REMOTE + '[endpoint.main.auth]\nmethod = "basic"\nusername = "a"'
    assert "endpoint.main.auth: basic needs username and password" in complaint(read, basic)


def reveal(settings: Settings) -> str:
    token = settings.endpoint["main"].auth.token
    assert token is not None
    return token.reveal(settings.root)


def test_a_secret_from_a_file_that_only_its_owner_reads(read: Load, tmp_path: Path) -> None:
    settings = read(BEARER + 'token = { file = "token" }')
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        reveal(settings)
    (tmp_path / "token").write_text("c4n4ry\n")
    (tmp_path / "token").chmod(0o640)
    with pytest.raises(ConfigError, match=r"can be read by others; run: chmod 600 ") as caught:
        reveal(settings)
    assert "c4n4ry" not in str(caught.value)
    (tmp_path / "token").chmod(0o600)
    assert reveal(settings) == "c4n4ry"
    (tmp_path / "token").write_text(" \n")
    with pytest.raises(ConfigError, match="holds no secret"):
        reveal(settings)


def test_a_secret_from_the_environment(read: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(BEARER + 'token = { env = "OUR_TOKEN" }')
    monkeypatch.delenv("OUR_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="environment variable OUR_TOKEN holds no secret"):
        reveal(settings)
    monkeypatch.setenv("OUR_TOKEN", "c4n4ry")
    assert reveal(settings) == "c4n4ry"


def test_a_secret_from_a_command(read: Load) -> None:
    assert reveal(read(BEARER + 'token = { command = ["printf", "c4n4ry"] }')) == "c4n4ry"
    for command in ('["sh", "-c", "echo c4n4ry; exit 3"]', '["no-such-program-here"]'):
        with pytest.raises(ConfigError, match=r"the secret command .* failed") as caught:
            reveal(read(f"{BEARER}token = {{ command = {command} }}"))
        assert "c4n4ry" not in str(caught.value)


# -- the environment, and which file --------------------------------------------------------------


def test_the_environment_wins_over_the_file(read: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_ALLIANCE__READ__PAGE_SIZE", "7")
    monkeypatch.setenv("FHIR_ALLIANCE__COHORT__IDS", '["p1", "p2"]')
    monkeypatch.setenv("FHIR_ALLIANCE__ENDPOINT__MAIN__TIMEZONE", "Europe/Berlin")
    settings = read(LOOPBACK + "[read]\npage_size = 50\npage_cap = 9")
    assert (settings.read.page_size, settings.read.page_cap) == (7, 9)
    assert settings.cohort.ids == ["p1", "p2"]
    assert settings.endpoint["main"].timezone == "Europe/Berlin"
    assert settings.endpoint["main"].base_url == "http://127.0.0.1:8080/fhir"


def test_a_mistake_in_a_variable_names_the_variable(read: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_ALLIANCE__WRITE__ENABLED", "c4n4ry")
    assert complaint(read, "") == ["write.enabled: give true or false (from FHIR_ALLIANCE__WRITE__ENABLED)"]


def test_an_unknown_variable_is_an_error(read: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_ALLIANCE__WRTIE__ENABLED", "true")
    assert complaint(read, "") == ["FHIR_ALLIANCE__WRTIE__ENABLED: there is no such section; did you mean write?"]


def test_a_list_that_is_not_json_is_not_repeated(read: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_ALLIANCE__COHORT__IDS", "c4n4ry,p2")
    with pytest.raises(ConfigError, match=r"FHIR_ALLIANCE__COHORT.*give lists and tables as JSON") as caught:
        read("")
    assert "c4n4ry" not in str(caught.value)


def test_which_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(None) is None
    platform = tmp_path / "no-such-folder" / "fhir-alliance" / "fhir-alliance.toml"
    platform.parent.mkdir(parents=True)
    platform.touch()
    assert find_config(None) == platform
    (tmp_path / "fhir-alliance.toml").touch()
    assert find_config(None) == Path("fhir-alliance.toml")
    monkeypatch.setenv("FHIR_ALLIANCE_CONFIG", "other.toml")
    assert find_config(None) == Path("other.toml")
    assert find_config(Path("given.toml")) == Path("given.toml")
