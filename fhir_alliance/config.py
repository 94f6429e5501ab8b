"""One settings model: validation, defaults, help and reference documentation come from here.

Settings are read from a TOML file; each can be given as FHIR_ALLIANCE__SECTION__NAME instead.
Unknown keys are errors. Secrets are given by reference (file, environment variable, command).
Relative paths are relative to the folder of the configuration file.
"""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from .config_auth import Auth
from .config_messages import ENV_PREFIX, explain, unknown_variables
from .config_serve import Serve
from .config_tree import tables
from .config_types import (
    BaseUrl,
    Duration,
    Namespace,
    Parameters,
    Pause,
    Secret,
    Section,
    Zone,
    format_duration,
    is_loopback,
    parse_duration,
)
from .config_writing import Alerts, Write
from .errors import ConfigError

__all__ = [
    "Alerts",
    "Secret",
    "Settings",
    "Write",
    "find_config",
    "format_duration",
    "is_loopback",
    "load",
    "parse_duration",
]

DEFAULT_NAMESPACE = "https://w3id.org/fhir-alliance"
CONFIG_NAME = "fhir-alliance.toml"


class Mapped(Section):
    """A site's own questionnaire: which instrument it is, which linkId is which item, what its codes stand for."""

    instrument: str
    items: dict[str, int] | None = Field(None, description="linkId = item number")
    answers: dict[str, float] | None = Field(
        None, description='what coded answers stand for, "system|code", code or display = number; weights are not asked'
    )
    missing: list[str] = Field([], description='codes of "does not apply", "system|code" or code: the item is missing')
    total: str | None = Field(None, description="linkId of the total that the form states itself")


Questionnaires = dict[str, str | Mapped]


class Http(Section):
    """Patience with the EHR."""

    connect_timeout: Pause = Field(timedelta(seconds=10), description="to open a connection")
    read_timeout: Pause = Field(timedelta(seconds=60), description="between two bytes of an answer")
    attempts: int = Field(4, ge=1, le=20, description="tries of a request that may be repeated")
    backoff: Duration = Field(timedelta(seconds=1), description="first pause; doubles, with full jitter")
    max_wait: Duration = Field(
        timedelta(minutes=5), description="longest pause that we accept, whatever Retry-After says"
    )
    give_up_after: int = Field(
        5, ge=1, description="patients in a row that fail because of the EHR before a pass is ended"
    )


class Endpoint(Section):
    """One FHIR R4 server."""

    base_url: BaseUrl = Field(description="FHIR base, without a trailing slash")
    vendor: Literal["auto"] = Field("auto", description="defaults by vendor; behaviour follows the probe")
    timezone: Zone = Field("UTC", description="for times that come without a zone")
    aliases: list[BaseUrl] = Field([], description="other bases by which this server calls itself")
    rewrite_next_host: bool = Field(
        False, description="follow paging links that name another host by putting our host into them"
    )
    parameters: Parameters = Field(
        {},
        description="query parameters that this server wants with every request; they are never logged",
        examples=[{"ah-practice": "Organization/a-1.Practice-195900"}],
    )
    search_method: Literal["get", "post"] = Field(
        "get", description="post: searches are sent as forms ([type]/_search), so that no address names a patient"
    )
    ca_bundle: Path | None = Field(
        None, description="certificate authorities to trust instead of the system's", examples=["ca.pem"]
    )
    auth: Auth = Field(default_factory=Auth)
    write_auth: Auth | None = Field(None, description="a separate identity for writes")
    http: Http = Field(default_factory=Http)
    questionnaires: Questionnaires = Field(
        {}, description="as [questionnaires], for this endpoint; relative keys are allowed here"
    )
    capability: dict[str, bool] = Field(
        {},
        description='corrections of what /metadata says: "QuestionnaireResponse.search._lastUpdated" = false, '
        '"Observation.conditionalCreate" = true, "Task.create" = true',
    )

    @model_validator(mode="after")
    def _anonymous_is_local(self) -> Endpoint:
        for table, auth in (("auth", self.auth), ("write_auth", self.write_auth)):
            if auth is not None and auth.method == "none" and not is_loopback(self.base_url):
                raise ValueError(f"{table}.method = none is allowed for this machine only")
        return self


class Cohort(Section):
    """Whom we read. Nobody else is read or written about."""

    source: Literal["ids", "file", "group", "list", "search", "appointments", "careteam"] = Field(
        "ids",
        description="ids (below), file (of ids), group and list (a FHIR Group, List), search (Patient), "
        "appointments (who has one), careteam (who has one)",
    )
    ids: list[str] = Field([], description="for ids: patient ids")
    file: Path | None = Field(None, description="for file: one patient id a line", examples=["cohort.txt"])
    id: str | None = Field(None, description="for group and list: its id", examples=["alliance-cohort"])
    query: dict[str, str] = Field(
        {},
        description="for search, appointments and careteam: further search parameters",
        examples=[{"active": "true"}],
    )
    past: Duration = Field(timedelta(days=90), description="for appointments: how far back one counts")
    ahead: Duration = Field(timedelta(days=30), description="for appointments: how far ahead one counts")
    exclude: list[str] = Field([], description='patient ids, or "Group/id"; always wins, also over merges')
    max_shrink: float = Field(
        0.2,
        ge=0,
        le=1,
        description="refuse a pass when the source gives fewer patients than before, by more than this share",
    )

    @model_validator(mode="after")
    def _complete(self) -> Cohort:
        needed = {"group": "id", "list": "id", "file": "file"}.get(self.source)
        if needed and not getattr(self, needed):
            raise ValueError(f"source = {self.source} needs {needed}")
        return self


class Read(Section):
    """What is read, and how."""

    mode: Literal["auto", "watermark", "clinical-window", "full-diff"] = Field(
        "auto",
        description="how changes are found. auto: by _lastUpdated (watermark) where that is declared, else by session "
        "and form dates (clinical-window), else by reading (full-diff)",
    )
    look_back: Duration = Field(
        timedelta(days=14), description="who had a session this lately is looked at in every pass"
    )
    quiet_every: Duration = Field(
        timedelta(days=1),
        description="who had none is read this often, each in turn, unless one search tells of everybody",
    )
    quiet_from: int = Field(200, ge=0, description="a cohort up to this size is looked at whole in every pass")
    across_patients: bool = Field(
        False,
        description="find changes by one search over all patients (ids, dates, subjects) although the cohort is "
        "smaller; nobody else is read",
    )
    overlap: Duration = Field(timedelta(minutes=15), description="how far behind the watermark we look again")
    stamp: Literal["second", "day"] = Field(
        "second", description="day: for servers that take only dates in such searches; then a day more is asked for"
    )
    full_diff_every: Duration = Field(timedelta(days=7), description="read everybody this often, whatever the mode")
    page_size: int = Field(100, ge=1, le=1000, description="asked for as _count")
    page_cap: int = Field(10_000, ge=1, description="most pages of one search")
    max_connections: int = Field(3, ge=1, le=5, description="patients that are read at the same time")
    same_session: Literal["latest", "first", "all"] = Field(
        "latest", description="which of several responses to one instrument in one session counts"
    )
    accept_in_progress_when_complete: bool = Field(False, description="for systems that never complete a response")
    stated_totals: Literal["auto", "always", "never"] = Field(
        "auto",
        description="compare with totals that others wrote as Observations with our code. auto: patients are asked "
        "about only once a count by code shows that there are any",
    )
    numeric_strings: bool = Field(False, description="read valueString answers that are plain numbers")
    encounter_statuses: list[Literal["planned", "arrived", "triaged", "in-progress", "onleave", "finished"]] = Field(
        ["finished", "in-progress", "onleave", "arrived"], description="encounters that count as held"
    )
    encounter_classes: list[str] = Field([], description="classes for inferring a link; empty = any")
    allow_labels: list[str] = Field(
        [],
        description="security labels of forms and sessions to process although they are refused by default: a code "
        "like PSYTHPN, or the display of a label that has none",
    )


class DetectionSettings(Section):
    """The strain policy."""

    policy: str = Field("alliance-policy/1", description="rule and constants, by version; `policies list` names them")
    policies: dict[str, str] = Field({}, description='another for one instrument, "srs-v3" = "openfit-srs/1"')
    preset: Literal["sensitive", "balanced", "specific"] = Field(
        "balanced", description="how easily it fires: z 1.645, 2.0, 2.33"
    )
    cutoffs: dict[str, float] = Field(
        {}, description='the site\'s own cut-offs, "srs-v3" = 36.0: a notice, or what the rule asks for'
    )

    @model_validator(mode="after")
    def _may_alert(self) -> DetectionSettings:
        from .detection import unfit

        if wrong := unfit(self.policy, self.policies, self.preset):
            raise ValueError(wrong)
        return self


class Schedule(Section):
    """When `serve` runs a pass. One of the two."""

    every: Pause | None = Field(None, description="the time between two passes", examples=["1h"])
    cron: str | None = Field(None, description="minute hour day month weekday, in UTC", examples=["0 6-20 * * 1-5"])

    @model_validator(mode="after")
    def _one(self) -> Schedule:
        if self.every is not None and self.cron is not None:
            raise ValueError("give every or cron, not both")
        return self


class StoreSettings(Section):
    """Local state: ids, hashes, numbers and times only."""

    path: Path = Field(Path("state/alliance.db"), description="SQLite file; its folder is made with mode 0700")


class AuditSettings(Section):
    """The audit trail: who read and wrote what, when and why. It cannot be switched off."""

    path: Path | None = Field(
        None, description="JSON lines, append-only; default: audit.jsonl beside the store", examples=["audit.jsonl"]
    )
    rotate_at: int = Field(50_000_000, ge=10_000, description="bytes from which a new file is begun; none is deleted")


class Log(Section):
    """Logs go to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is logged")
    format: Literal["auto", "text", "json"] = Field("auto", description="auto: text on a terminal, else json")


class Instruments(Section):
    """Instruments of your own, beside those that are built in."""

    files: list[Path] = Field([], description="their definition files (TOML)")


class Licences(Section):
    """Instruments that need the site's own licence."""

    attested: list[str] = Field([], description='instruments whose licence the site holds, like "srs-v3"')


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        extra="forbid",
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        hide_input_in_errors=True,
        validate_default=True,
    )
    toml: ClassVar[Path | None] = None

    namespace: Namespace = Field(
        DEFAULT_NAMESPACE,
        description="of the identifiers and codes that we write; never change it after the first write",
    )
    endpoint: dict[str, Endpoint] = Field({}, description="the FHIR servers, by a name of your choice")
    cohort: Cohort = Field(default_factory=Cohort)
    read: Read = Field(default_factory=Read)
    write: Write = Field(default_factory=Write)
    alerts: Alerts = Field(default_factory=Alerts)
    detection: DetectionSettings = Field(default_factory=DetectionSettings)
    questionnaires: Questionnaires = Field({}, description="a site's own canonicals: which instrument each is")
    instruments: Instruments = Field(default_factory=Instruments)
    licences: Licences = Field(default_factory=Licences)
    schedule: Schedule = Field(default_factory=Schedule)
    serve: Serve = Field(default_factory=Serve)
    store: StoreSettings = Field(default_factory=StoreSettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    log: Log = Field(default_factory=Log)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, toml_file=cls.toml)
        return (init_settings, env_settings, file)

    @property
    def root(self) -> Path:
        """Folder that relative paths are relative to."""
        return self._root

    _root: Path = Path(".")

    @property
    def store_path(self) -> Path:
        """Absolute path of the store."""
        return (self._root / self.store.path.expanduser()).absolute()

    @property
    def audit_path(self) -> Path:
        """Absolute path of the audit trail."""
        given = self.audit.path
        return (self._root / given.expanduser()).absolute() if given else self.store_path.with_name("audit.jsonl")


def find_config(given: Path | None) -> Path | None:
    """The file to read: given, $FHIR_ALLIANCE_CONFIG, ./fhir-alliance.toml, the platform's config folder."""
    if given is not None:
        return given
    if env := os.environ.get("FHIR_ALLIANCE_CONFIG"):
        return Path(env)
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return next((p for p in (Path(CONFIG_NAME), home / "fhir-alliance" / CONFIG_NAME) if p.is_file()), None)


def load(path: Path | None) -> Settings:
    """Settings from a file (None: environment and defaults only). ConfigError says what to mend."""
    import tomllib

    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    if path is not None and not path.is_file():
        raise ConfigError(f"no configuration file at {path}")
    if unknown := unknown_variables(Settings.model_fields):
        raise ConfigError("\n".join(["environment: the configuration is wrong", *unknown]))
    source = type("Settings", (Settings,), {"toml": path, "__module__": __name__})
    try:
        settings: Settings = source()
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except SettingsError as error:
        section = re.search(r'field "(\w+)"', str(error))
        name = f"{ENV_PREFIX}{section[1].upper()}" if section else ENV_PREFIX
        raise ConfigError(f"a variable {name}… cannot be read: give lists and tables as JSON") from None
    except ValidationError as error:
        lines = explain(error.errors(include_input=False, include_url=False), tables(Settings))
        raise ConfigError("\n".join([f"{path or 'environment'}: the configuration is wrong", *lines])) from None
    settings._root = (path.parent if path else Path(".")).absolute()
    return settings


def now_utc() -> datetime:
    """The one clock of the application layer."""
    from datetime import UTC

    return datetime.now(UTC)
