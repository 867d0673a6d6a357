"""Settings of any type, from a file or the environment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_kit.settings import describe_type, find_unknown_settings, read_settings

TEXT = {"type": ["string", "null"]}
COUNT = {"type": ["integer", "null"], "minimum": 1, "maximum": 100}
SECONDS = {"type": ["integer", "null"], "minimum": 0, "default": 300}
SHARE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
SWITCH = {"type": ["boolean", "null"], "default": True}
LIST = {"type": ["array", "null"], "items": {"type": ["string"], "enum": ["a", "b"]}}
TABLE = {"type": ["object", "null"], "additionalProperties": {"type": "array"}}
CHOICE = {"type": ["string", "null"], "enum": ["us", "eu"]}
NAME = {"type": ["string", "null"], "pattern": "^[a-z]+$"}


@pytest.mark.parametrize(
    ("schema", "value", "read"),
    [
        (TEXT, "", ""),
        (TEXT, " x ", " x "),
        (COUNT, 7, 7),
        (COUNT, "7", 7),
        (COUNT, 7.0, 7),
        (COUNT, Decimal(7), 7),
        (SHARE, "0.7", 0.7),
        (SHARE, 1, 1.0),
        (SHARE, Decimal("0.7"), 0.7),
        (SWITCH, "TRUE", True),
        (SWITCH, "off", False),
        (SWITCH, "0", False),
        (LIST, '["a", "b"]', ["a", "b"]),
        (LIST, "a, b", ["a", "b"]),
        (LIST, "[]", []),
        (TABLE, '{"x": ["a"]}', {"x": ["a"]}),
        (TABLE, {"x": []}, {"x": []}),
        (CHOICE, "eu", "eu"),
        (NAME, "abc", "abc"),
    ],
)
def test_a_value_is_read_as_its_type(schema: dict[str, Any], value: Any, read: Any) -> None:
    """Text from the environment and values from a file are read as the setting's type."""
    values, problems = read_settings({"setting": value}, {"setting": schema})
    assert (values, problems) == ({"setting": read}, [])
    assert type(values["setting"]) is type(read)


@pytest.mark.parametrize(
    ("schema", "value", "takes"),
    [
        (TEXT, 5, "text"),
        (TEXT, ["x"], "text"),
        (COUNT, "seven", "a whole number from 1 to 100"),
        (COUNT, 0, "a whole number from 1 to 100"),
        (COUNT, 101, "a whole number from 1 to 100"),
        (COUNT, 1.5, "a whole number from 1 to 100"),
        (COUNT, True, "a whole number from 1 to 100"),
        (COUNT, float("inf"), "a whole number from 1 to 100"),
        (COUNT, {}, "a whole number from 1 to 100"),
        (SECONDS, "9" * 5000, "a whole number of at least 0"),
        (SHARE, "much", "a number from 0 to 1"),
        (SHARE, "nan", "a number from 0 to 1"),
        (SHARE, True, "a number from 0 to 1"),
        (SWITCH, "maybe", "true or false"),
        (SWITCH, 1, "true or false"),
        (LIST, "a,c", "a JSON list, each one of `a`, `b`"),
        (LIST, '["a"', "a JSON list, each one of `a`, `b`"),
        (LIST, {"a": 1}, "a JSON list, each one of `a`, `b`"),
        (LIST, "[" * 100_000, "a JSON list, each one of `a`, `b`"),
        (TABLE, "x", "a JSON object, each a JSON list"),
        (TABLE, {"x": 5}, "a JSON object, each a JSON list"),
        (CHOICE, "mars", "one of `us`, `eu`"),
        (NAME, "A", "text that matches ^[a-z]+$"),
    ],
)
def test_what_cannot_be_read_is_named_and_never_shown(schema: dict[str, Any], value: Any, takes: str) -> None:
    """A wrong value is refused in a sentence with the setting and its type but not the value, which may be a key."""
    values, problems = read_settings({"setting": value}, {"setting": schema})
    assert problems == [f"The setting `setting` must be {takes}."]
    assert values == {"setting": schema["default"]} if "default" in schema else values == {}


@pytest.mark.parametrize(("schema", "unset"), [(COUNT, None), (COUNT, ""), (SECONDS, None), (TEXT, None), (LIST, "")])
def test_null_is_not_set(schema: dict[str, Any], unset: Any) -> None:
    """Null leaves a setting at its default, and so does an empty text unless the setting accepts text."""
    defaults = {"setting": schema["default"]} if "default" in schema else {}
    assert read_settings({"setting": unset}, {"setting": schema}) == (defaults, [])


def test_a_default_is_not_shared() -> None:
    """Changing a default value in one run does not change it for the next."""
    schema = {"type": ["array", "null"], "items": TEXT, "default": ["a"]}
    read_settings({}, {"setting": schema})[0]["setting"].append("b")
    assert read_settings({}, {"setting": schema}) == ({"setting": ["a"]}, [])


def test_unknown_settings() -> None:
    """Each unknown setting gets one sentence with the closest known name."""
    assert find_unknown_settings(["lookback", "look_back", "zebra"], ["lookback", "site"]) == [
        "There is no setting `look_back`: did you mean `lookback`?",
        "There is no setting `zebra`.",
    ]


@given(value=st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_value_is_read_or_named(value: Any) -> None:
    """Any value of any setting is either read or refused in a sentence, never an exception."""
    for schema in (TEXT, COUNT, SHARE, SWITCH, LIST, TABLE, CHOICE, NAME):
        values, problems = read_settings({"setting": value}, {"setting": schema})
        assert problems in ([], [f"The setting `setting` must be {describe_type(schema)}."])
        assert "setting" not in values or not problems or "default" in schema
