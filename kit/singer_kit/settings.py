"""Reads settings from a file, Meltano or the environment, or refuses them with a sentence that names the setting.

A value is never shown, as it may be a key that was pasted into the wrong place.
"""

from __future__ import annotations

import json
import math
import re
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING

from .json_types import JsonObject, JsonValue
from .urls import describe_unencrypted, is_base_url, is_unencrypted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

TRUE = frozenset({"true", "1", "yes", "on"})
FALSE = frozenset({"false", "0", "no", "off"})
Schema = JsonObject


def find_unknown_settings(names: Iterable[str], known: Collection[str]) -> list[str]:
    """Return one sentence for each unknown setting, with the most similar known one."""
    return [f"There is no setting `{name}`{suggest_name(name, known)}" for name in names if name not in known]


def suggest_name(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: the most similar known name, if there is one."""
    near = get_close_matches(name, known, n=1)
    return f": did you mean `{near[0]}`?" if near else "."


def read_settings(config: Mapping[str, JsonValue], schemas: Mapping[str, Schema]) -> tuple[JsonObject, list[str]]:
    """Return the settings as values of their types, and one sentence for each value that cannot be read.

    Null, and empty text where no text is taken, mean that a setting is not set. Unknown settings are left out.

    Args:
        config: the settings as they came; from the environment every value is text.
        schemas: the JSON schema of each setting, with its default.
    """
    values = {name: deepcopy(schema["default"]) for name, schema in schemas.items() if "default" in schema}
    problems = []
    for name, schema in schemas.items():
        value = config.get(name)
        # An empty environment variable counts as not set, unless the setting takes text.
        if value is None or (value == "" and find_kind(schema) != "string"):
            continue
        try:
            values[name] = _read_value(value, schema)
        # The original error is dropped, because its text contains the value, which may be a key.
        except (ValueError, TypeError, ArithmeticError, RecursionError):
            problems.append(f"The setting `{name}` must be {describe_type(schema)}.")
    return values, problems


def find_kind(schema: Schema) -> str:
    """Return the JSON type of a setting besides null."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return next(str(one) for one in types if one != "null")


def _read_value(value: JsonValue, schema: Schema) -> JsonValue:
    """Return a value with the setting's type.

    Raises:
        ValueError, TypeError, ArithmeticError: it has another type, or is out of range.
    """
    found = READERS[find_kind(schema)](value)
    # Only numbers have bounds, and only they can be compared with infinity.
    is_bounded = "minimum" in schema or "maximum" in schema
    outside = is_bounded and not schema.get("minimum", -math.inf) <= found <= schema.get("maximum", math.inf)
    unlisted = "enum" in schema and found not in schema["enum"]
    unmatched = "pattern" in schema and not re.search(schema["pattern"], found)
    if outside or unlisted or unmatched:
        raise ValueError
    if "items" in schema:
        return [_read_value(item, schema["items"]) for item in found]
    if isinstance(schema.get("additionalProperties"), dict) and "type" in schema["additionalProperties"]:
        return {name: _read_value(item, schema["additionalProperties"]) for name, item in found.items()}
    return found


def _read_text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _read_integer(value: JsonValue) -> int:
    # In Python, a bool is an integer too.
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str):
        return int(value)
    if value != int(value):
        raise ValueError
    return int(value)


def _read_number(value: JsonValue) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise TypeError
    number = float(value)
    # Python reads the texts `nan` and `inf` as numbers, but JSON has neither.
    if not math.isfinite(number):
        raise ValueError
    return number


def _read_boolean(value: JsonValue) -> bool:
    if isinstance(value, bool):
        return value
    text = _read_text(value).strip().lower()
    if text not in TRUE | FALSE:
        raise ValueError
    return text in TRUE


def _read_array(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, str):
        # Singer's older way to write a list of texts in the environment.
        value = json.loads(value) if value.lstrip().startswith("[") else [one.strip() for one in value.split(",")]
    if not isinstance(value, list | tuple):
        raise TypeError
    return list(value)


def _read_object(value: JsonValue) -> JsonObject:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise TypeError
    return found


READERS: dict[str, Callable[[JsonValue], JsonValue]] = {
    "string": _read_text,
    "integer": _read_integer,
    "number": _read_number,
    "boolean": _read_boolean,
    "array": _read_array,
    "object": _read_object,
}
WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a JSON list",
    "object": "a JSON object",
}


def describe_type(schema: Schema) -> str:
    """Return the accepted values in words, such as `a whole number from 1 to 100`."""
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    words = WORDS[find_kind(schema)]
    if "pattern" in schema:
        return f"{words} that matches {schema['pattern']}"
    if "maximum" in schema:
        return f"{words} from {schema['minimum']} to {schema['maximum']}"
    if "minimum" in schema:
        return f"{words} of at least {schema['minimum']}"
    inner = schema.get("items") or schema.get("additionalProperties")
    if isinstance(inner, dict) and "type" in inner:
        return f"{words}, each {describe_type(inner)}"
    return words


def find_missing_settings(config: Mapping[str, JsonValue], hints: Mapping[str, str]) -> list[str]:
    """Return one sentence for each required setting that is not set.

    Args:
        config: the settings.
        hints: for each required setting, what the user should do when it is missing.
    """
    return [f"The setting `{name}` is missing: {hint}." for name, hint in hints.items() if not config.get(name)]


def find_url_problem(name: str, url: str | None, example: str) -> Iterable[str]:
    """Yield one sentence if an address cannot be an API's base, or would send a key unencrypted."""
    if not url:
        return
    if not is_base_url(url):
        yield f"The setting `{name}` is not a URL such as {example}."
    elif is_unencrypted(url):
        yield describe_unencrypted(name)


def find_date_problem(name: str, date: str | None) -> Iterable[str]:
    """Yield one sentence if a date is not ISO 8601."""
    try:
        parse_date(date or "2024-01-31")
    except ValueError:
        yield f"The setting `{name}` is not a date such as 2024-01-31 or 2024-01-31T00:00:00Z."


def parse_date(date: str) -> int:
    """Return an ISO 8601 date or time in Unix seconds. Without a zone it is UTC.

    Raises:
        ValueError: it is neither.
    """
    moment = datetime.fromisoformat(date)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
