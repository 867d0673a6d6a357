"""Checks that records have the key that their stream declares. Without it, records cannot be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .json_types import JsonValue

TYPES: Mapping[str, type] = {"string": str, "integer": int}
WORDS: Mapping[type, str] = {str: "text", int: "a number", float: "a number", bool: "true or false"}


class RecordKeys:
    """The keys of one stream.

    Args:
        vendor: the name of the vendor that sends the records.
        stream: its name.
        keys: the properties that form the key.
        schema: the stream's JSON schema with their types.
    """

    def __init__(self, vendor: str, stream: str, keys: Sequence[str], schema: Mapping[str, JsonValue]) -> None:
        self._vendor = vendor
        self._stream = stream
        self._keys = keys
        self._types = tuple(_find_type(schema.get("properties", {}).get(key, {})) for key in keys)

    def find_problem(self, values: Sequence[object], place: str) -> str | None:
        """Return a sentence when a key is missing, null, empty or of another type.

        Args:
            values: the values of the keys, in their order; None for a missing one.
            place: the position of the record, such as "page 3".
        """
        for key, kind, value in zip(self._keys, self._types, values, strict=True):
            # In Python, a bool is an integer too.
            if type(value) is not kind or value == "":
                return (
                    f"{self._vendor} sent a record of {self._stream} whose `{key}` is {_describe_value(value)} "
                    f"({place}): without it the stream cannot be read; run again, and if the error persists, "
                    f"ask {self._vendor}."
                )
        return None


def _find_type(prop: Mapping[str, JsonValue]) -> type:
    named = prop.get("type", "string")
    (kind,) = [one for one in ([named] if isinstance(named, str) else named) if one != "null"]
    return TYPES[kind]


def _describe_value(value: object) -> str:
    if value is None or value == "":
        return "missing"
    return WORDS.get(type(value), "not a single value")
