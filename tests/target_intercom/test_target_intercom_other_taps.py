"""Streams of other taps: undeclared attributes, flat fields, and the recipes in the README."""

from __future__ import annotations

import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.exceptions import ConfigurationError
from target_intercom.records.attributes import Attribute
from target_intercom.records.stream_attributes import FlatFields, TypeInference
from target_intercom.target import TargetIntercom

if TYPE_CHECKING:
    from collections.abc import Iterable

README = Path(__file__).parents[2] / "target-intercom" / "README.md"
TEXT = {"type": ["null", "string"]}
STATE = {"bookmarks": {"contacts": {"replication_key_value": 5}}}


def schema(stream: str, key: str = "id", **properties: Any) -> dict[str, Any]:
    """Return a SCHEMA message."""
    fields = {"type": "object", "properties": {key: {"type": ["string"]}, **properties}}
    return {"type": "SCHEMA", "stream": stream, "schema": fields, "key_properties": [key]}


def record(stream: str, **fields: Any) -> dict[str, Any]:
    """Return a RECORD message."""
    return {"type": "RECORD", "stream": stream, "record": fields}


def listen(target: Any, messages: Iterable[dict[str, Any]], **settings: Any) -> TargetIntercom:
    """Run the target over messages and a final STATE, and return it."""
    plugin = TargetIntercom(config=target.config(**settings))
    lines = [*messages, {"type": "STATE", "value": STATE}]
    plugin.listen(io.StringIO("".join(json.dumps(line) + "\n" for line in lines)))
    return plugin


@pytest.mark.parametrize(
    ("values", "data_type"),
    [
        ([True, None, False], "boolean"),
        ([1, None, 2], "integer"),
        ([1, 2.5], "float"),
        ([Decimal("2.50")], "float"),
        (["a", "", None], "string"),
        ([1, "a"], "string"),
        ([True, 1], "string"),
        (["2025-01-31T12:00:00Z"], "string"),
        (["a", ["b"]], "string"),
    ],
    ids=["boolean", "integer", "numbers", "decimal", "text", "mixed", "boolean and number", "date", "text and list"],
)
def test_a_type_is_inferred_from_all_values(values: list[Any], data_type: str) -> None:
    """Values of one kind give that type, mixed numbers give a number, and other mixtures give text."""
    inference = TypeInference()
    for value in values:
        inference.observe({"cb_x": value})
    assert inference.build_attributes() == {"cb_x": Attribute("cb_x", data_type, declared=False)}


@pytest.mark.parametrize("value", [None, "", " ", [], ["a"], {}, {"a": 1}], ids=repr)
def test_a_name_without_a_usable_value_is_no_attribute(value: Any) -> None:
    """A name with only empty values, lists or objects creates no attribute."""
    inference = TypeInference()
    inference.observe({"cb_x": value})
    assert inference.build_attributes() == {}


@given(st.permutations([True, 1, 2.5, "a", None, [1]]))
def test_inference_does_not_depend_on_the_order(values: list[Any]) -> None:
    """The inferred type does not depend on the order of the values."""
    inference = TypeInference()
    for value in values:
        inference.observe({"x": value})
    assert inference.build_attributes()["x"].data_type == "string"


@pytest.mark.parametrize(
    ("chosen", "attributes"),
    [
        ({"*"}, {"cb_plan": "silver", "cb_seats": 3}),
        ({"plan"}, {"cb_plan": "silver"}),
        ({"cb_seats"}, {"cb_seats": 3}),
        (set(), None),
    ],
    ids=["every field", "one", "one with the prefix", "none"],
)
def test_flat_fields_become_attributes_under_the_prefix(chosen: set[str], attributes: dict[str, Any] | None) -> None:
    """A chosen flat field becomes an attribute with the owned prefix.

    Standard fields, objects and illegal names are left out.
    """
    flat = FlatFields(chosen, "cb_", used={"email", "name"})
    properties = {"email": TEXT, "plan": TEXT, "cb_seats": {"type": "integer"}, "address": {"type": "object"}}
    properties["a.b"] = TEXT
    flat.declare(properties)
    given_record = {"email": "a@a.example", "plan": "silver", "cb_seats": 3, "address": {"city": "Ulm"}}
    assert flat.lift_fields(given_record).get("custom_attributes") == attributes


def test_open_custom_attributes_are_typed_from_their_values(workspace: Any, target: Any) -> None:
    """When custom_attributes is declared without properties, types are inferred from the values."""
    contact = workspace.add(email="ann@a.example")
    values = {"cb_plan": "gold", "cb_seats": 3, "cb_mrr": 9.5, "cb_paying": True}
    listen(
        target,
        [
            schema("contacts", email=TEXT, custom_attributes={"type": ["object", "null"]}),
            record("contacts", id="1", email="ann@a.example", custom_attributes=values),
        ],
    )
    assert workspace.get(contact)["custom_attributes"] == values | {"cb_cust_id": "1", "cb_created_by": False}
    created = {one["name"]: one["data_type"] for one in workspace.call("GET", "/data_attributes?model=contact")["data"]}
    assert {name: created[name] for name in values} == {
        "cb_plan": "string",
        "cb_seats": "integer",
        "cb_mrr": "float",
        "cb_paying": "boolean",
    }


def test_an_inferred_attribute_takes_the_type_that_the_workspace_has(workspace: Any, target: Any) -> None:
    """Text in an existing date attribute is written as a date, or cleared and reported if it is none."""
    workspace.attribute("cb_since", "date")
    ann, bob = workspace.add(email="ann@a.example"), workspace.add(email="bob@a.example")
    plugin = listen(
        target,
        [
            schema("contacts", email=TEXT, custom_attributes={"type": "object"}),
            record("contacts", id="1", email="ann@a.example", custom_attributes={"cb_since": "2025-01-31"}),
            record("contacts", id="2", email="bob@a.example", custom_attributes={"cb_since": "long ago"}),
        ],
    )
    assert workspace.get(ann)["custom_attributes"]["cb_since"] == 1738281600
    assert workspace.get(bob)["custom_attributes"].get("cb_since") is None
    assert plugin.run.summary.values_unfit == 1


DATE_SCHEMA = {"type": "string", "format": "date-time"}
ODD_INPUT: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[str]]] = [
    ({"custom_attributes": {"type": "object"}}, {"cb_tags": ["a"], "cb_plan": "x"}, {"cb_plan": "x"}, ["cb_tags"]),
    ({"custom_attributes": {"type": "object"}}, {"cb_tags": [], "cb_note": " ", "cb_plan": "x"}, {"cb_plan": "x"}, []),
    ({"custom_attributes": {"type": "object"}}, {"cb_a.b": "a", "cb_plan": "x"}, {"cb_plan": "x"}, ["cb_a.b"]),
    ({"custom_attributes": {"type": "object"}}, {"cb_n": 2**60, "cb_plan": "x"}, {"cb_plan": "x"}, ["cb_n"]),
    ({"custom_attributes": {"type": "object"}}, {"plan": "a", "cb_plan": "x"}, {"cb_plan": "x"}, []),
    (
        {"custom_attributes": {"properties": {"cb_plan": TEXT}}},
        {"cb_plan": "x", "cb_n": 5},
        {"cb_plan": "x", "cb_n": 5},
        [],
    ),
    ({"custom_attributes": {"properties": {"cb_plan": TEXT}}}, {"cb_plan": "x", "cb_n": {}}, {"cb_plan": "x"}, []),
    ({"custom_attributes": {"properties": {"cb_plan": True}}}, {"cb_plan": "x"}, {"cb_plan": "x"}, []),
    ({}, {"cb_plan": "x"}, {"cb_plan": "x"}, []),
    (
        {"custom_attributes": {"anyOf": [{"properties": {"cb_since": DATE_SCHEMA}}, {"type": "null"}]}},
        {"cb_since": "2025-01-31T12:00:00Z"},
        {"cb_since": 1738324800},
        [],
    ),
    (
        {"custom_attributes": {"oneOf": [{"type": "null"}, {"properties": {"cb_since": {"oneOf": [DATE_SCHEMA]}}}]}},
        {"cb_since": "2025-01-31T12:00:00Z"},
        {"cb_since": 1738324800},
        [],
    ),
]


@pytest.mark.parametrize(
    ("fields", "values", "written", "unfit"),
    ODD_INPUT,
    ids=[
        "a list",
        "an empty list and a blank text",
        "a name that Intercom has not",
        "a whole number beyond 2^53",
        "another prefix",
        "one more than declared",
        "an empty object more than declared",
        "a schema that says nothing",
        "declared nowhere",
        "an object or null",
        "one of null and an object",
    ],
)
def test_no_value_under_custom_attributes_is_lost_in_silence(  # noqa: PLR0913, PLR0917 the fixtures and a row of the table
    workspace: Any,
    target: Any,
    fields: dict[str, Any],
    values: dict[str, Any],
    written: dict[str, Any],
    unfit: list[str],
) -> None:
    """However `custom_attributes` is declared, each own value is written or listed in unfit.csv."""
    contact = workspace.add(email="ann@a.example")
    ann = record("contacts", id="1", email="ann@a.example", custom_attributes=values)
    listen(target, [schema("contacts", email=TEXT, **fields), ann])
    assert workspace.get(contact)["custom_attributes"] == written | {"cb_cust_id": "1", "cb_created_by": False}
    assert [row[3] for row in target.read().rows("unfit")] == unfit


def test_a_list_clears_what_an_earlier_run_wrote(workspace: Any, target: Any) -> None:
    """A value that no attribute can store clears the earlier value instead of leaving it stale."""
    contact = workspace.add(email="ann@a.example")
    for tags in ("a", ["a", "b"]):
        ann = record("contacts", id="1", email="ann@a.example", custom_attributes={"cb_tags": tags, "cb_plan": "x"})
        listen(target, [schema("contacts", email=TEXT, custom_attributes={"type": "object"}), ann])
    held = workspace.get(contact)["custom_attributes"]
    assert (held.get("cb_tags"), held["cb_plan"]) == (None, "x")
    assert [row[3] for row in target.read().rows("unfit")] == ["cb_tags"]


def test_a_list_in_every_record_stops_nothing(workspace: Any, target: Any) -> None:
    """A field with unusable values in all records does not stop the run when Intercom has no such attribute."""
    workspace.fill({"email": f"{number}@a.example"} for number in range(60))
    records = [
        record("contacts", id=f"{number}", email=f"{number}@a.example", custom_attributes={"cb_tags": [1], "cb_n": 1})
        for number in range(60)
    ]
    plugin = listen(target, [schema("contacts", email=TEXT, custom_attributes={"type": "object"}), *records])
    assert (plugin.run.summary.counts.outcomes, plugin.run.summary.values_unfit) == ({"updated": 60}, 60)


def test_attributes_of_another_prefix_are_named(workspace: Any, target: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Attributes that `on_match` keeps from being written are named once in the log."""
    workspace.add(email="ann@a.example")
    ann = record("contacts", id="1", email="ann@a.example", custom_attributes={"plan": "a", "cb_plan": "x"})
    listen(target, [schema("contacts", email=TEXT, custom_attributes={"type": "object"}), ann])
    assert (
        caplog.messages.count(
            "These attributes do not begin with `cb_` and are not written, as `on_match` is update_owned: plan"
        )
        == 1
    )


def test_the_link_is_text_whatever_its_values_are(workspace: Any, target: Any) -> None:
    """The link attribute is always text, because ids that are numbers today may be text later."""
    contact = workspace.add(email="ann@a.example")
    ann = record("contacts", id="1", email="ann@a.example", custom_attributes={"cb_cust_id": 7, "cb_plan": "x"})
    listen(target, [schema("contacts", email=TEXT, custom_attributes={"type": "object"}), ann])
    assert workspace.get(contact)["custom_attributes"]["cb_cust_id"] == "7"


@pytest.mark.parametrize("value", [["ann@a.example"], {"a": 1}, True], ids=repr)
@pytest.mark.parametrize("match_on", ["email", "external_id"])
def test_what_identifies_nobody_creates_nobody(workspace: Any, target: Any, match_on: str, value: Any) -> None:
    """A list, object or boolean is not a match value: no user is searched for or created by it."""
    fields = {"email": "ann@a.example", match_on: value}
    ann = record("contacts", id="1", **fields, custom_attributes={"cb_plan": "x"})
    columns: dict[str, Any] = {"email": TEXT, "external_id": TEXT, "custom_attributes": {"type": "object"}}
    plugin = listen(target, [schema("contacts", **columns), ann], match_contacts_on=match_on, on_no_match="create")
    assert plugin.run.summary.counts.skipped == {"no_identifier": 1}
    assert workspace.contacts() == []


@pytest.mark.parametrize("crowd", [0, 500], ids=["read all", "search"])
@pytest.mark.parametrize("on_moved", ["keep", "clear"])
def test_records_without_a_key_move_too(workspace: Any, target: Any, crowd: int, on_moved: str) -> None:
    """In a stream without a key property, moves are tracked by the link instead."""
    workspace.fill({"email": f"other{number}@a.example"} for number in range(crowd))
    users = {name: workspace.add(email=f"{name}@a.example") for name in ("a1", "a2", "b1", "b2", "c1")}
    stream = schema("contacts", email=TEXT, custom_attributes={"type": "object"}) | {"key_properties": []}

    def run(number: dict[str, int], **settings: Any) -> None:
        records = [
            record("contacts", email=f"{name}{one}@a.example", custom_attributes={"cb_cust_id": name, "cb_plan": "x"})
            for name, one in number.items()
        ]
        listen(target, [stream, *records], **settings)

    run({"a": 1, "b": 1, "c": 1})
    run({"a": 2, "b": 2, "c": 1}, on_moved=on_moved)
    what = {"keep": "keeps its values", "clear": "cleared"}[on_moved]
    moved = target.read().dicts("moved", "id", "intercom_id", "was_on", "outcome")
    assert sorted(moved, key=lambda line: line["id"]) == [
        {"id": name, "intercom_id": users[f"{name}2"], "was_on": users[f"{name}1"], "outcome": what}
        for name in ("a", "b")
    ]
    run({"a": 2, "b": 2, "c": 1}, on_moved="clear")
    assert target.read().figure("moved") == 0


FLAT = schema("contacts", email=TEXT, plan=TEXT, seats={"type": "integer"}, tags={"type": "array"})
ANN = record("contacts", id="1", email="ann@a.example", plan="gold", seats=3, tags=["a"])


def test_flat_records_are_refused_until_their_fields_are_chosen(workspace: Any, target: Any) -> None:
    """Records without any attribute to write are refused with the setting to use."""
    workspace.add(email="ann@a.example")
    workspace.sandbox.clear_calls()
    with pytest.raises(
        ConfigurationError,
        match=r"^The records of the stream contacts carry no attribute to write: .*`attributes_from`",
    ):
        listen(target, [FLAT, ANN])
    assert (workspace.writes(), target.capsys.readouterr().out) == (0, "")


@pytest.mark.parametrize(
    "chosen", ["*", ["plan", "seats"], "plan, seats"], ids=["every field", "a list", "a text with commas"]
)
def test_chosen_flat_fields_are_written(workspace: Any, target: Any, chosen: Any) -> None:
    """`attributes_from` selects the flat fields; `*` leaves out those that no attribute can store."""
    contact = workspace.add(email="ann@a.example")
    listen(target, [FLAT, ANN], attributes_from=chosen)
    held = workspace.get(contact)["custom_attributes"]
    assert held == {"cb_plan": "gold", "cb_seats": 3, "cb_cust_id": "1", "cb_created_by": False}


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (["plam"], r"^`attributes_from` names `plam`, a field that no stream has\.$"),
        (["tags"], r"^The attribute `cb_tags` has the type array"),
    ],
    ids=["unknown field", "list"],
)
def test_a_wrong_choice_is_refused_before_a_write(target: Any, chosen: list[str], sentence: str) -> None:
    """A chosen field that does not exist or cannot be stored is refused by name."""
    with pytest.raises(ConfigurationError, match=sentence):
        listen(target, [FLAT, ANN], attributes_from=chosen)


def test_only_unknown_streams_end_the_run_without_state(target: Any) -> None:
    """When all records belong to unknown streams, no STATE is printed."""
    plugin = listen(target, [schema("customers"), record("customers", id="1"), record("customers", id="2")])
    assert target.capsys.readouterr().out == ""
    assert plugin.run.refused_input == (
        "No record could be used (2 of `customers`), so no STATE was written: target-intercom writes the "
        "streams `contacts` and `companies`; rename a stream with `stream_maps`."
    )


def test_only_unknown_streams_fail_the_command(target: Any) -> None:
    """With only unknown streams, the command ends with exit code 1 and one sentence."""
    target.directory.mkdir()
    given_input, config = target.directory / "input.singer", target.directory / "config.json"
    lines = [schema("customers"), record("customers", id="1"), {"type": "STATE", "value": STATE}]
    given_input.write_text("".join(json.dumps(line) + "\n" for line in lines))
    config.write_text(json.dumps(target.config()))
    with pytest.raises(SystemExit) as ended:
        TargetIntercom.cli(["--config", str(config), "--input", str(given_input)])
    assert (ended.value.code, target.capsys.readouterr().out) == (1, "")


@pytest.mark.parametrize(
    "messages",
    [[], [schema("contacts", email=TEXT)], [schema("orders")]],
    ids=["nothing", "no record", "no record of an unknown stream"],
)
def test_an_empty_run_is_a_success(target: Any, messages: list[dict[str, Any]]) -> None:
    """Without any record, STATE is printed unchanged."""
    listen(target, messages)
    assert json.loads(target.capsys.readouterr().out) == STATE


def recipes() -> dict[str, dict[str, Any]]:
    """Return the configurations in the README by the heading above each."""
    found = re.findall(r"^\*\*([a-z-]+)[^\n]*\n\n```json\n(.*?)```", README.read_text(), re.MULTILINE | re.DOTALL)
    return {name: json.loads(text) for name, text in found}


#: What each tap sends, cut down to the fields that matter here, and what Intercom shows afterwards.
TAPS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "tap-stripe": (
        [
            schema(
                "customers",
                email=TEXT,
                name=TEXT,
                currency=TEXT,
                delinquent={"type": ["null", "boolean"]},
                balance={"type": ["null", "integer"]},
                created={"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["null", "string"]}]},
                metadata={"type": ["null", "object"], "properties": {}},
            ),
            record(
                "customers",
                id="cus_1",
                email="ann@a.example",
                name="Ann",
                currency="eur",
                delinquent=False,
                balance=1200,
                created="2025-01-31T12:00:00Z",
                metadata={"a": "b"},
            ),
        ],
        {
            "stripe_currency": "eur",
            "stripe_delinquent": False,
            "stripe_balance": 1200,
            "stripe_created": 1738324800,
            "stripe_cust_id": "cus_1",
            "stripe_created_by": False,
        },
    ),
    "tap-postgres": (
        [
            schema(
                "public-users",
                user_email=TEXT,
                plan=TEXT,
                seats={"type": ["null", "integer"], "minimum": -2147483648, "maximum": 2147483647},
            ),
            record("public-users", id="7", user_email="ann@a.example", plan="gold", seats=3),
        ],
        {"app_plan": "gold", "app_seats": 3, "app_cust_id": "7", "app_created_by": False},
    ),
    "tap-hubspot": (
        [
            schema(
                "contacts",
                key="vid",
                email=TEXT,
                hs_lifecycle=TEXT,
                properties={"type": "object", "properties": {"score": {"type": "object"}}},
            ),
            record("contacts", vid="99", email="ann@a.example", hs_lifecycle="customer", properties={"score": {}}),
        ],
        {"hs_lifecycle": "customer", "hs_cust_id": "99", "hs_created_by": False},
    ),
}


def test_the_readme_has_a_recipe_for_each_tap() -> None:
    """The README has a recipe for each of the three tested taps."""
    assert sorted(recipes()) == sorted(TAPS)


@pytest.mark.parametrize("tap", TAPS)
def test_a_recipe_of_the_readme(workspace: Any, target: Any, tap: str) -> None:
    """Records of another tap are written with the README's settings for it."""
    messages, attributes = TAPS[tap]
    contact = workspace.add(email="ann@a.example")
    listen(target, messages, **recipes()[tap])
    assert workspace.get(contact)["custom_attributes"] == attributes
