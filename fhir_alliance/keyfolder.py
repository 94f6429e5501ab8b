"""A folder of signing keys, and how one key follows another without a gap.

KID.pem     a private key (0600); all of them are in the public set
current.pem a link to the one that is signed with: what `key` in the configuration names

Rotation takes three steps, so that the EHR knows a key before it meets it: `add` (publish, and wait until
caches of the old set are gone), `use` (sign with it), `retire` (the old ones leave folder and set).
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .errors import ConfigError
from .signing import Algorithm, SigningKey, generate, load

CURRENT = "current.pem"
CACHED = timedelta(hours=24)
"""How long an EHR may go on with an old copy of a key set, unless its operator says otherwise."""


def keys(folder: Path) -> dict[str, SigningKey]:
    """kid → key, oldest first. ConfigError when one cannot be used, or others can read it."""
    found: dict[str, SigningKey] = {}
    for path in sorted(_files(folder), key=lambda p: (p.stat().st_mtime_ns, p.name)):
        try:
            if path.stat().st_mode & 0o077:
                raise ConfigError(f"can be read by others; run: chmod 600 {path}")
            found[path.stem] = load(path.read_text(encoding="utf-8"), kid=path.stem)
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"{path} cannot be read") from None
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None
    return found


def current(folder: Path) -> str | None:
    """The kid of the key that is signed with; None when there is none."""
    link = folder / CURRENT
    return Path(os.readlink(link)).stem if link.is_symlink() else None


def jwks(folder: Path) -> dict[str, list[dict[str, str]]]:
    """The public JWK Set of the folder. ConfigError when it holds no key."""
    found = keys(folder)
    if not found:
        raise ConfigError(f"there is no key in {folder}; make one with: fhir-alliance keys generate --out {folder}")
    return {"keys": [key.public_jwk() for key in found.values()]}


def start(folder: Path, alg: Algorithm) -> str:
    """Make the first key, and sign with it; its kid. ConfigError when the folder has keys already."""
    if _files(folder) or os.path.lexists(folder / CURRENT):
        raise ConfigError(f"{folder} holds a key already, and nothing is overwritten; a new one comes by: keys rotate")
    kid = _make(folder, alg)
    _link(folder, kid)
    return kid


def add(folder: Path, alg: Algorithm | None = None) -> str:
    """Make the next key, not yet signed with; its kid. ConfigError when a next one waits already.

    alg  None: as the current one
    """
    found, now = keys(folder), _present(folder)
    if list(found)[-1] != now:
        raise ConfigError(f"{list(found)[-1]} waits already; go on with: keys rotate --use")
    return _make(folder, alg or found[now].alg)


def use(folder: Path, *, after: timedelta = CACHED, clock: datetime | None = None) -> str:
    """Sign with the newest key from now on; its kid.

    after  how old it must be, so that the EHR has fetched the set that holds it; ConfigError before that
    """
    newest, now = list(keys(folder))[-1:], _present(folder)
    if newest == [now]:
        raise ConfigError("there is no next key; make one with: keys rotate")
    made = datetime.fromtimestamp((folder / f"{newest[0]}.pem").stat().st_mtime, UTC)
    if (clock or datetime.now(UTC)) < made + after:
        raise ConfigError(
            f"the next key is from {made:%Y-%m-%d %H:%M} UTC: the EHR may not have fetched it before "
            f"{made + after:%Y-%m-%d %H:%M} UTC. If it surely has: --after 0s"
        )
    _link(folder, newest[0])
    return newest[0]


def retire(folder: Path) -> list[str]:
    """Delete the keys that came before the current one; their kids. ConfigError when there are none."""
    found, now = list(keys(folder)), _present(folder)
    old = found[: found.index(now)]
    if not old:
        raise ConfigError("no key is older than the one that is signed with: nothing to retire")
    for kid in old:
        (folder / f"{kid}.pem").unlink()
    return old


def _present(folder: Path) -> str:
    now = current(folder)
    if now is None or not (folder / f"{now}.pem").is_file():
        raise ConfigError(f"there is no key in use in {folder}; make one with: fhir-alliance keys generate")
    return now


def _files(folder: Path) -> list[Path]:
    return [p for p in folder.glob("*.pem") if p.name != CURRENT] if folder.is_dir() else []


def _make(folder: Path, alg: Algorithm) -> str:
    """A new key in its file, whole or not at all; only its owner may read it, from the first byte on."""
    key = generate(alg)
    file, draft = folder / f"{key.kid}.pem", folder / f".{key.kid}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(key.pem())
            os.fsync(out.fileno())
        os.link(draft, file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            draft.unlink()
    return key.kid


def _link(folder: Path, kid: str) -> None:
    """Point `current.pem` at a key in one step: who reads meanwhile finds the old or the new one."""
    draft = folder / f".{kid}.link"
    try:
        draft.unlink(missing_ok=True)
        draft.symlink_to(f"{kid}.pem")
        draft.replace(folder / CURRENT)
    except OSError as error:
        raise ConfigError(f"{folder / CURRENT} cannot be written: {error.strerror}") from None
