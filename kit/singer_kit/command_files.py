"""The files on the command line, checked before the first call to an API."""

from __future__ import annotations

import io
import json
from typing import IO, TYPE_CHECKING, NoReturn

from .errors import UserError, raise_problems
from .settings import suggest_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from .json_types import JsonObject, JsonValue

# No state or catalog is this deep, and Python can still handle it.
DEEPEST = 100
Types = dict[str, tuple[type, ...]]
WORDS: dict[type, str] = {int: "unix time", str: "text"}


def check_file(file: IO[str] | None, option: str, find_problems: Callable[[JsonValue], list[str]]) -> IO[str] | None:
    """Return a file of the command line after checking its content.

    Raises:
        UserError: the content is wrong.
    """
    if file is None:
        return None
    try:
        text = file.read()
        found = json.loads(text, parse_constant=_refuse_constant)
        # JSON may contain half of a surrogate pair, which could not be written again.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise UserError(f"The file of {option} is not JSON: {error}") from error
    if is_too_deep(found):
        raise UserError(f"The file of {option} is nested too deeply: more than {DEEPEST} levels.")
    raise_problems(find_problems(found))
    return io.StringIO(text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def is_too_deep(value: JsonValue) -> bool:
    """Return whether lists and objects are nested more deeply than any sensible input."""
    # It works without recursion, whose depth a deep input could exhaust.
    level = [value]
    for _ in range(DEEPEST):
        lists = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [inner for values in lists for inner in values]
    return bool(level)


def find_state_problems(state: object, streams: Collection[str], types: Types) -> list[str]:
    """Return one sentence for each thing in a state that a tap cannot start from.

    The bookmarks of other streams may have any shape: they are passed on unchanged.

    Args:
        state: what the state file holds; ``{"bookmarks": {NAME: {...}, ...}}`` is well-formed.
        streams: the tap's own streams.
        types: of the members of a bookmark that the tap reads.
    """
    bookmarks = state.get("bookmarks", {}) if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict):
        return ['The state is not a Singer state, {"bookmarks": {...}}.']
    own = {name: bookmark for name, bookmark in bookmarks.items() if name in streams}
    return [problem for name, bookmark in own.items() for problem in _check_bookmark(name, bookmark, types)]


def _check_bookmark(name: str, bookmark: object, types: Types) -> Iterable[str]:
    if not isinstance(bookmark, dict):
        yield f"The bookmark of `{name}` in the state is not an object: fix it, or start with a full refresh."
        return
    for part, allowed in types.items():
        # In Python, a bool is an integer too.
        if part in bookmark and type(bookmark[part]) not in allowed:
            what = WORDS[allowed[0]]
            yield f"In the state the `{part}` of `{name}` is not a {what}: fix it, or start with a full refresh."


def find_own_bookmarks(state: Mapping[str, JsonValue], streams: Collection[str]) -> list[JsonObject]:
    """Return the bookmarks of the tap's own streams in a well-formed state."""
    return [bookmark for name, bookmark in state.get("bookmarks", {}).items() if name in streams]


def find_catalog_problems(catalog: object, streams: Collection[str]) -> list[str]:
    """Return one sentence if a catalog is malformed, or one for each of its streams that cannot be read.

    Args:
        catalog: the content of the catalog file, such as ``{"streams": [{"tap_stream_id": NAME, ...}, ...]}``.
        streams: the tap's streams.
    """
    entries = catalog.get("streams") if isinstance(catalog, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return ['The catalog is not a Singer catalog, {"streams": [{...}, ...]}.']
    return [problem for entry in entries for problem in _check_entry(entry, streams)]


def _check_entry(entry: Mapping[str, JsonValue], streams: Collection[str]) -> Iterable[str]:
    name, metadata = entry.get("tap_stream_id"), entry.get("metadata", [])
    if not isinstance(name, str) or name not in streams:
        yield f"The catalog lists the stream `{name}`, which does not exist{suggest_name(str(name), streams)}"
    elif not isinstance(metadata, list) or not all(_is_metadata(one) for one in metadata):
        yield f'The metadata of `{name}` in the catalog is not a list of {{"breadcrumb": [...], "metadata": {{...}}}}.'
    elif not _is_schema(entry.get("schema", {})):
        yield f'The schema of `{name}` in the catalog is not an object with "properties": discover it again.'


def _is_metadata(one: object) -> bool:
    place, said = (one.get("breadcrumb"), one.get("metadata")) if isinstance(one, dict) else (None, None)
    return isinstance(place, list | tuple) and all(isinstance(part, str) for part in place) and isinstance(said, dict)


def _is_schema(schema: object) -> bool:
    properties = schema.get("properties", {}) if isinstance(schema, dict) else None
    return isinstance(properties, dict) and all(isinstance(one, dict) for one in properties.values())
