"""Values that a configuration is made of: durations, URLs, time zones, tables, references to secrets."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from .errors import ConfigError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: object) -> object:
    """ "15m", "7d", "60s", "2h" or a sum like "1h30m" → timedelta; other things pass through."""
    if isinstance(value, str):
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", value)
        if not parts or "".join(a + b for a, b in parts) != value:
            raise ValueError("give a duration like 15m, 2h, 7d or 60s")
        return timedelta(seconds=sum(float(n) * _UNITS[u] for n, u in parts))
    if isinstance(value, int | float):
        raise ValueError("give a duration with its unit, like 15m, 2h, 7d or 60s")
    return value


def format_duration(value: timedelta) -> str:
    """The shortest text that `parse_duration` reads back."""
    seconds = value.total_seconds()
    for unit in "dhm":
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{int(seconds // _UNITS[unit])}{unit}"
    return f"{seconds:g}s"


def _above_zero(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("give a duration above zero")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, when_used="json")]
Pause = Annotated[Duration, AfterValidator(_above_zero)]


def is_loopback(url: str) -> bool:
    """Does the URL point at this machine?"""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def base_url(url: str) -> str:
    """The URL without a trailing slash. ValueError when it cannot be a FHIR base, or is unsafe."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("give an absolute URL, like https://ehr.example.org/fhir/r4")
    if parts.username or parts.password:
        raise ValueError("put credentials under auth, not into the URL")
    if parts.query or parts.fragment:
        raise ValueError("a base URL has no query and no fragment")
    if parts.port == 0:  # reading it raises ValueError when it is no port at all
        raise ValueError("port 0 is not a port")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("plain http is allowed for this machine only; use https")
    return url.rstrip("/")


def web_url(url: str) -> str:
    """The URL as it is. ValueError when nothing may be sent there."""
    parts = urlsplit(url)
    if parts.fragment:
        raise ValueError("a fragment is never sent; leave it out")
    base_url(parts._replace(query="").geturl())
    return url


def _code(text: str) -> str:
    system, _, code = text.partition("|")
    if not (system and code):
        raise ValueError("give system|code, like http://loinc.org|11506-3")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a known time zone; use an IANA name like Europe/Berlin") from None
    return name


def _namespace(uri: str) -> str:
    parts = urlsplit(uri)
    if not (parts.scheme in {"http", "https"} and parts.netloc) and not uri.startswith("urn:"):
        raise ValueError("give an absolute URI, like https://clinic.example/alliance")
    return uri.rstrip("/")


_OURS = re.compile(r"_.*|patient|subject|identifier|code|date|authored|encounter|questionnaire|status|url")


def _parameters(given: dict[str, str]) -> dict[str, str]:
    for name, value in given.items():
        if not name or not value or _OURS.fullmatch(name.split(":")[0]):
            raise ValueError(f"{name!r} is no parameter that can be added to every request")
    return given


BaseUrl = Annotated[str, AfterValidator(base_url), "URL"]
WebUrl = Annotated[str, AfterValidator(web_url), "URL"]
Code = Annotated[str, AfterValidator(_code), "system|code"]
Zone = Annotated[str, AfterValidator(_zone), "time zone"]
Namespace = Annotated[str, AfterValidator(_namespace), "URI"]
Parameters = Annotated[dict[str, str], AfterValidator(_parameters)]


class Section(BaseModel):
    """A table of the configuration file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, validate_default=True)


class Secret(Section):
    """Where a secret is; never the secret itself. Exactly one of the three."""

    by_reference: ClassVar[bool] = True

    file: Path | None = Field(None, description="a file that only its owner may read")
    env: str | None = Field(None, description="name of an environment variable")
    command: list[str] | None = Field(None, description="a command that prints the secret")

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if sum(x is not None for x in (self.file, self.env, self.command)) != 1:
            raise ValueError("give exactly one of file, env, command")
        return self

    def reveal(self, root: Path) -> str:
        """The secret. `root` anchors a relative file. ConfigError when it cannot be had, or is empty."""
        value, where = self._read(root)
        if not value:
            raise ConfigError(f"{where} holds no secret")
        return value

    def _read(self, root: Path) -> tuple[str, str]:
        if self.env is not None:
            return os.environ.get(self.env, ""), f"environment variable {self.env}"
        if self.file is not None:
            path = root / self.file.expanduser()
            try:
                if path.stat().st_mode & 0o077:
                    raise ConfigError(f"secret file {path} can be read by others; run: chmod 600 {path}")
                return path.read_text(encoding="utf-8").strip(), f"secret file {path}"
            except OSError as error:
                raise ConfigError(f"secret file {path} cannot be read: {error.strerror}") from None
            except UnicodeDecodeError:
                raise ConfigError(f"secret file {path} is not UTF-8 text") from None
        program = (self.command or [""])[0]
        try:
            done = subprocess.run(self.command or [], capture_output=True, text=True, timeout=30, check=True)
        except (OSError, ValueError, subprocess.SubprocessError):
            raise ConfigError(f"the secret command {program!r} failed") from None
        return done.stdout.strip(), f"the secret command {program!r}"
