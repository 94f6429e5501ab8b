"""JSON in, and the identity of content: what makes two versions of a resource the same."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from .stop import Stop, set_aside

SIZE_LIMIT = 16 * 1024 * 1024
"""Most bytes of one QuestionnaireResponse."""

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder(order="sorted")
_struct_encoder = msgspec.json.Encoder(order="deterministic")  # sorts what is below, takes fields as they stand
_R = TypeVar("_R")
_LONGEST = 400
"""Most digits of a whole number that is kept as one."""


def digest(content: bytes) -> str:
    """Short hash of bytes, for comparing versions."""
    return blake2b(content, digest_size=16).hexdigest()


def canonical(resource: dict[str, Any]) -> bytes:
    """The resource without `meta`, independent of key order and white space.

    Stop when it cannot be JSON: half a character, keys that are not text, foreign objects.
    """
    try:
        _encoder.encode(resource.get("meta"))
        return _encoder.encode({key: value for key, value in resource.items() if key != "meta"})
    except UnicodeEncodeError:
        raise set_aside("bad-text", "text with half a character in it") from None
    except (TypeError, ValueError, OverflowError):
        raise set_aside("not-json", "holds what JSON cannot hold") from None


def fingerprint(resource: dict[str, Any]) -> str:
    """Hash of all of a response but its `meta`, independent of key order and white space.

    Items go into it by hashes of their own: the short cut keeps those, because items come in few variants.
    """
    return digest(canonical(_folded(resource)))


def _folded(element: dict[str, Any]) -> dict[str, Any]:
    items = element.get("item")
    if not isinstance(items, list):
        return element
    return element | {"item": [fingerprint(i) if isinstance(i, dict) else i for i in items]}


def struct_fingerprint(struct: msgspec.Struct) -> str:
    """The same, of a structure with every field in the order of their names, `meta` unset, items by their hashes."""
    return digest(_struct_encoder.encode(struct))


def decode(raw: bytes | msgspec.Raw) -> Any:
    """Parse JSON; of a doubled key the last counts. Stop when it is not JSON or not UTF-8.

    Half characters (lone surrogates) pass here: `canonical` refuses them in the resource that holds one. A number
    that no float can hold becomes an infinite one.
    """
    try:
        return _decoder.decode(raw)
    except UnicodeDecodeError:
        raise set_aside("not-utf-8", "not UTF-8 text") from None
    except ValueError:
        pass
    try:
        return json.loads(bytes(raw).decode("utf-8"), parse_constant=_refuse, parse_int=_whole)
    except UnicodeDecodeError:
        raise set_aside("not-utf-8", "not UTF-8 text") from None
    except ValueError:
        pass
    raise set_aside("not-json", "not JSON")


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _whole(digits: str) -> int | float:
    """A whole number; Python takes long to make one of many thousand digits, and refuses."""
    return int(digits) if len(digits) <= _LONGEST else float(digits)


def roomy(read: Callable[[], _R]) -> _R:
    """Call `read`; when the stack is too short for deep nesting, once more on a fresh one.

    Callers may sit deep in the stack themselves, and 200 levels of items are 800 of JSON.
    RecursionError when that is not enough either.
    """
    try:
        return read()
    except RecursionError:
        pass
    done: list[_R] = []
    failed: list[BaseException] = []

    def again() -> None:
        try:
            done.append(read())
        except BaseException as error:  # handed on to the caller below
            failed.append(error)

    thread = threading.Thread(target=again)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def object_of(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in these bytes, or None when they hold anything else, or nest too deeply."""
    try:
        value = roomy(lambda: decode(raw))
    except (Stop, RecursionError):
        return None
    return value if isinstance(value, dict) else None
