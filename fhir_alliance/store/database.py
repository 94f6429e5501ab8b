"""Opening the store: a private folder, a private file, WAL, and the right schema."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.pool import StaticPool

from ..errors import ConfigError
from .tables import HEAD

SECRET = "alert.key"  # noqa: S105  a file name


def open_engine(path: Path) -> Engine:
    """The store at `path`, made when missing (file 0600 in a folder 0700), migrated when old."""
    folder = path.parent
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, mode=0o700)
        if not path.exists():
            _create(path)
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"the store {path} can be read by others; run: chmod 600 {path}")
    except OSError as error:
        raise ConfigError(f"the store {path} cannot be opened: {error.strerror}") from None
    engine = _engine(path)
    try:
        with engine.connect() as connection:
            migrate(connection)
    except Exception as error:
        if isinstance(error.__cause__, sqlite3.DatabaseError):
            raise ConfigError(f"the store {path} is not a usable SQLite database: {error.__cause__}") from None
        raise
    return engine


@lru_cache(maxsize=4)
def _engine(path: Path) -> Engine:
    """One for each store and process: a disposed engine opens again, and keeps its compiled statements."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
    event.listen(engine, "connect", _durable)
    return engine


def _create(path: Path) -> None:
    """A new store is built aside and linked into place: a crash leaves either none or a whole one."""
    part = Path(tempfile.mkdtemp(prefix=".new-", dir=path.parent)) / path.name
    try:
        os.close(os.open(part, os.O_CREAT | os.O_RDWR, 0o600))
        engine = create_engine(f"sqlite:///{part}")
        with engine.connect() as connection:
            migrate(connection)
        engine.dispose()
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        shutil.rmtree(part.parent, ignore_errors=True)


def copy_engine(path: Path) -> tuple[Engine, tempfile.TemporaryDirectory[str] | None]:
    """A throw-away copy of the store for a dry run; an empty one when there is none. Nothing at `path` is touched."""
    if not path.is_file():
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        with engine.connect() as connection:
            migrate(connection)
        return engine, None
    folder = tempfile.TemporaryDirectory(prefix="fhir-alliance-dry-")
    copy = Path(folder.name) / "copy.db"
    for suffix in ("", "-wal"):
        if (part := Path(f"{path}{suffix}")).is_file():
            shutil.copyfile(part, f"{copy}{suffix}")
    copy.chmod(0o600)
    return open_engine(copy), folder


def _durable(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: an intent must survive a power cut, or a create could be sent twice.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def migrate(connection: Connection, to: str = HEAD) -> None:
    """Bring the schema to HEAD; Alembic is loaded only when there is something to do."""
    if _is_current(connection):
        return
    connection.rollback()
    # IMMEDIATE: of two instances that find an old store only one may change it.
    connection.execute(text("BEGIN IMMEDIATE"))
    if _is_current(connection):
        connection.rollback()
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    connection.commit()


def _is_current(connection: Connection) -> bool:
    """Is the schema the newest? ConfigError when it is of the future."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version is not None and str(version) > HEAD:
        raise ConfigError(f"the store was made by a newer version of fhir-alliance (schema {version})")
    return version == HEAD


def alert_secret(path: Path, *, create: bool) -> bytes:
    """The secret of alert keys: a 0600 file beside the store. In a dry run a missing one is made up, not kept."""
    file = path.parent / SECRET
    try:
        found = bytes.fromhex(file.read_text(encoding="ascii").strip())
        if len(found) < 16:
            raise ValueError
        return found
    except FileNotFoundError:
        fresh = secrets.token_bytes(32)
        if create:
            _save(file, fresh.hex())
        return fresh
    except (ValueError, OSError):
        raise ConfigError(f"the secret {file} is unreadable or damaged; restore it from your backup") from None


def _save(file: Path, content: str) -> None:
    """Whole or not at all: a torn secret would change every alert's identity."""
    part = file.with_suffix(".part")
    handle = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(content + "\n")
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
