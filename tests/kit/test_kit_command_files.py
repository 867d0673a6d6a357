"""The state and the catalog of a command line, checked before anything is read."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from singer_kit.command_files import check_file, find_catalog_problems, find_state_problems
from singer_kit.errors import UserError

STREAMS = ["invoices", "customers"]
TYPES = {"read_at": (int,), "scope": (str,), "from": (int, type(None))}
NO_STATE = 'The state is not a Singer state, {"bookmarks": {...}}.'
NO_CATALOG = 'The catalog is not a Singer catalog, {"streams": [{...}, ...]}.'
NO_METADATA = 'The metadata of `customers` in the catalog is not a list of {"breadcrumb": [...], "metadata": {...}}.'
NO_SCHEMA = 'The schema of `customers` in the catalog is not an object with "properties": discover it again.'


def nested(depth: int) -> str:
    """Return JSON that is nested this deep."""
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The file of --state is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("{", "The file of --state is not JSON: Expecting property name enclosed in double quotes: line 1"),
        ('{"a": NaN}', "The file of --state is not JSON: NaN is not a JSON number"),
        ('{"a": "\\ud83d"}', "The file of --state is not JSON: 'utf-8' codec can't encode character '\\ud83d'"),
        (nested(200), "The file of --state is nested too deeply: more than 100 levels."),
        (nested(100_000), "The file of --state is not JSON: maximum recursion depth exceeded"),
        ("[]", NO_STATE),
    ],
    ids=["empty", "cut off", "not a number", "half a character", "deep", "very deep", "list"],
)
def test_a_broken_file_is_one_sentence(text: str, sentence: str) -> None:
    """A file that is not JSON or has a wrong structure is refused in a sentence with its option."""
    with pytest.raises(UserError) as refused:
        check_file(io.StringIO(text), "--state", lambda state: find_state_problems(state, STREAMS, TYPES))
    assert refused.value.message.startswith(sentence)


def test_bytes_that_are_no_text_are_one_sentence() -> None:
    """A file that is not UTF-8 is refused."""
    file = io.TextIOWrapper(io.BytesIO(b'{"bookmarks": "\xff"}'), encoding="utf-8")
    with pytest.raises(UserError, match=r"^The file of --catalog is not JSON: 'utf-8' codec can't decode"):
        check_file(file, "--catalog", lambda _: [])


def test_a_good_file_is_handed_on_as_it_came() -> None:
    """A valid file is passed on with its text unchanged."""
    text = '{"bookmarks": {"other": [1.10, {"x": null}]}}'
    checked = check_file(io.StringIO(text), "--state", lambda state: find_state_problems(state, STREAMS, TYPES))
    assert checked is not None
    assert checked.read() == text
    assert check_file(None, "--state", lambda _: ["never asked"]) is None


@pytest.mark.parametrize(
    ("bookmarks", "problems"),
    [
        ({}, []),
        ({"customers": {"read_at": 5, "scope": "acme", "from": None}}, []),
        ({"other": 5, "more": [0.1], "none": None, "_map": {"gen": 1.5}}, []),
        ([], [NO_STATE]),
        (None, [NO_STATE]),
        (
            {"customers": None},
            ["The bookmark of `customers` in the state is not an object: fix it, or start with a full refresh."],
        ),
        (
            {"customers": {"read_at": 5.5}},
            ["In the state the `read_at` of `customers` is not a unix time: fix it, or start with a full refresh."],
        ),
        (
            {"customers": {"read_at": True}},
            ["In the state the `read_at` of `customers` is not a unix time: fix it, or start with a full refresh."],
        ),
        (
            {"invoices": {"scope": 5}},
            ["In the state the `scope` of `invoices` is not a text: fix it, or start with a full refresh."],
        ),
    ],
    ids=["none", "good", "of others", "list", "null", "bookmark is null", "fraction", "true", "no text"],
)
def test_bookmarks(bookmarks: Any, problems: list[str]) -> None:
    """The tap's own bookmarks must have the right types; those of other plugins may be anything."""
    assert find_state_problems({"bookmarks": bookmarks, "extra": [1]}, STREAMS, TYPES) == problems


def entry(**members: Any) -> dict[str, Any]:
    """Return a catalog entry of the stream customers."""
    return {"tap_stream_id": "customers", **members}


@pytest.mark.parametrize(
    ("streams", "problems"),
    [
        ([], []),
        ([entry()], []),
        ([entry(metadata=[{"breadcrumb": ["properties", "id"], "metadata": {"selected": True}}])], []),
        (None, [NO_CATALOG]),
        (["customers"], [NO_CATALOG]),
        (
            [entry(), {"tap_stream_id": "custmers"}],
            ["The catalog lists the stream `custmers`, which does not exist: did you mean `customers`?"],
        ),
        ([{"tap_stream_id": ["x"]}], ["The catalog lists the stream `['x']`, which does not exist."]),
        ([{}], ["The catalog lists the stream `None`, which does not exist."]),
        ([entry(metadata={"selected": True})], [NO_METADATA]),
        ([entry(metadata=None)], [NO_METADATA]),
        ([entry(metadata=[{"breadcrumb": []}])], [NO_METADATA]),
        ([entry(metadata=[{"breadcrumb": "properties", "metadata": {}}])], [NO_METADATA]),
        ([entry(metadata=[{"breadcrumb": [["id"]], "metadata": {}}])], [NO_METADATA]),
        ([entry(schema=[])], [NO_SCHEMA]),
        ([entry(schema={"properties": ["id"]})], [NO_SCHEMA]),
        ([entry(schema={"properties": {"id": "string"}})], [NO_SCHEMA]),
    ],
    ids=[
        "empty",
        "name alone",
        "good",
        "no list",
        "names only",
        "unknown",
        "name is a list",
        "no name",
        "metadata are an object",
        "metadata are null",
        "half of metadata",
        "breadcrumb is text",
        "breadcrumb of lists",
        "schema is a list",
        "properties are a list",
        "property is text",
    ],
)
def test_a_catalog(streams: Any, problems: list[str]) -> None:
    """Each unknown stream and each unreadable entry of a catalog gets one sentence."""
    assert find_catalog_problems(json.loads(json.dumps({"streams": streams})), STREAMS) == problems


@pytest.mark.parametrize("catalog", [[], None, 5], ids=["list", "null", "number"])
def test_what_is_no_catalog(catalog: Any) -> None:
    """A file without a JSON object is not a catalog."""
    assert find_catalog_problems(catalog, STREAMS) == [NO_CATALOG]
