"""The configuration that the demo runs with: a file like any site's, read without the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, TomlConfigSettingsSource

from ..config import CONFIG_NAME, Settings, is_loopback
from ..errors import ConfigError

ENDPOINT = "main"

_TEXT = """\
# Configuration of the demo. Synthetic data on this machine only.
[endpoint.main]
base_url = "{url}"
[endpoint.main.auth]
method = "none"

[cohort]
source = "search"

[store]
path = "state/alliance.db"

[licences]
attested = ["srs-v3"]       # for synthetic answers; a site attests its own licence

[detection.cutoffs]         # this clinic's own, for a notice
{cutoffs}

[write]
enabled = true
types = ["Observation", "Task"]
max_per_run = 10000
max_alert_share = 0.2       # strains are planted here; a clinic keeps the default, 0.05
"""


class _FileOnly(Settings):
    """Settings of the demo's file alone: a variable meant for a real EHR must not turn the demo on it."""

    toml: ClassVar[Path | None] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, TomlConfigSettingsSource(settings_cls, toml_file=cls.toml))


def settings_for(url: str, folder: Path, cutoffs: Mapping[str, float]) -> Settings:
    """Write the file into `folder` and read it. ConfigError for a server that is not on this machine."""
    if not is_loopback(url):
        raise ConfigError("the demo works on this machine only")
    path = folder / CONFIG_NAME
    lines = "\n".join(f'"{instrument}" = {value}' for instrument, value in cutoffs.items())
    path.write_text(_TEXT.format(url=url, cutoffs=lines), encoding="utf-8")
    made: type[_FileOnly] = type("Settings", (_FileOnly,), {"toml": path, "__module__": __name__})
    settings = made()
    settings._root = folder.absolute()
    return settings
