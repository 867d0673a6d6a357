"""Which data attributes are created, and which conflicts stop the run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_intercom._kit.page_decoder import PageDecoder
from target_intercom.api.shapes import ATTRIBUTES, read_attribute
from target_intercom.records.attributes import (
    HOLDS,
    Attribute,
    AttributeConflictError,
    AttributePlan,
    RemoteAttribute,
    plan_attributes,
    read_declared,
)

MRR = Attribute("cb_mrr", "float", "Monthly recurring revenue")


def existing(name: str, data_type: str = "string", **more: Any) -> RemoteAttribute:
    """Return a data attribute that exists in Intercom."""
    standard = {"custom": True, "archived": False, "model": "contact", "api_writable": True}
    item = {"name": name, "data_type": data_type} | standard | more
    return read_attribute(PageDecoder(ATTRIBUTES).decode_item(json.dumps(item).encode()))


def schema_of(**properties: Any) -> dict[str, Any]:
    """Return a stream's schema with these custom attributes."""
    return {"properties": {"custom_attributes": {"type": "object", "properties": properties}}}


@pytest.mark.parametrize(
    ("property_", "data_type"),
    [
        ({"type": ["string", "null"]}, "string"),
        ({"type": "string"}, "string"),
        ({}, "string"),
        ({"type": ["string", "null"], "format": "date-time"}, "date"),
        ({"type": ["null", "string"], "format": "date"}, "date"),
        ({"type": ["string", "null"], "format": "email"}, "string"),
        ({"type": ["number", "null"]}, "float"),
        ({"type": ["integer", "number", "null"]}, "float"),
        ({"type": ["integer", "null"]}, "integer"),
        ({"type": ["boolean", "null"]}, "boolean"),
    ],
    ids=[
        "text",
        "never null",
        "untyped",
        "date-time",
        "date",
        "other format",
        "number",
        "either number",
        "integer",
        "boolean",
    ],
)
def test_a_schema_declares_types(property_: dict[str, Any], data_type: str) -> None:
    """A property's JSON type and format become an Intercom type, together with its description."""
    declared = read_declared(schema_of(cb_x={**property_, "description": "What it is"}))
    assert declared == {"cb_x": Attribute("cb_x", data_type, "What it is")}


@pytest.mark.parametrize("types", [["object", "null"], ["array"], ["string", "integer"], ["null"]], ids=str)
def test_a_type_that_no_attribute_holds_is_refused(types: list[str]) -> None:
    """Objects, lists and mixtures are refused in a sentence that names the attribute."""
    with pytest.raises(AttributeConflictError, match=r"^The attribute `cb_x` has the type .*: map it to one of these"):
        read_declared(schema_of(cb_x={"type": types}))


def test_a_schema_without_custom_attributes_declares_none() -> None:
    """A stream with standard fields only declares no attributes."""
    assert read_declared({"properties": {"email": {"type": "string"}}}) == {}


def test_the_body_of_a_creation() -> None:
    """An attribute is created with its model, type and description, and without a description if it has none."""
    assert MRR.build_body("contact") == {
        "name": "cb_mrr",
        "model": "contact",
        "data_type": "float",
        "description": "Monthly recurring revenue",
    }
    assert Attribute("cb_x", "date").build_body("company") == {"name": "cb_x", "model": "company", "data_type": "date"}


def test_only_what_is_missing_is_created() -> None:
    """Only missing attributes are created.

    One with a fitting type stays; a standard one of the same name does not count.
    """
    wanted = [MRR, Attribute("cb_seats", "integer"), Attribute("plan", "string")]
    held = [existing("cb_seats", "float"), existing("plan", custom=False, archived=False), existing("other", "date")]
    assert plan_attributes(wanted, held, model="contact", prefix="cb_").missing == [MRR, Attribute("plan", "string")]


REMEDY = (
    "change it there, or send the attributes under a prefix other than `cb_` and set `owned_prefix` (for companies "
    "beside contacts, `company_prefix`) to it."
)


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (
            existing("cb_mrr", "boolean"),
            "The contact attribute `cb_mrr` has the type boolean in Intercom but must be float",
        ),
        (
            existing("cb_mrr", "string"),
            "The contact attribute `cb_mrr` has the type string in Intercom but must be float",
        ),
        (existing("cb_mrr", "float", archived=True), "The contact attribute `cb_mrr` is archived in Intercom"),
        (
            existing("cb_mrr", "float", model="company"),
            "The contact attribute `cb_mrr` cannot be created because Intercom has a company attribute of that name",
        ),
        (
            existing("cb_mrr", "float", api_writable=False),
            "The contact attribute `cb_mrr` is not writable through Intercom's API",
        ),
    ],
    ids=["no number", "text", "archived", "other model", "read-only"],
)
def test_a_conflict_names_the_attribute_and_the_way_out(held: RemoteAttribute, sentence: str) -> None:
    """An existing attribute that cannot be used stops the run in a sentence with its name and the prefix setting."""
    with pytest.raises(AttributeConflictError) as caught:
        plan_attributes([MRR], [held], model="contact", prefix="cb_")
    assert str(caught.value) == f"{sentence}: {REMEDY}"


@pytest.mark.parametrize("name", ["cb.mrr", "cb$mrr", "", "x" * 191, "cb\nmrr"], ids=repr)
def test_an_illegal_name_is_refused_before_anything_is_created(name: str) -> None:
    """A name that Intercom does not accept stops the run before any attribute is created."""
    with pytest.raises(AttributeConflictError, match=r"^Intercom does not accept the attribute name "):
        plan_attributes([Attribute(name, "string")], [], model="contact", prefix="cb_")


@pytest.mark.parametrize(("held", "fits"), [(249, True), (250, False)])
def test_the_limit_of_a_workspace(held: int, *, fits: bool) -> None:
    """A workspace has at most 250 active custom attributes; archived ones do not count."""
    everything = [existing(f"a{number}") for number in range(held)]
    everything += [existing(f"b{number}", archived=True) for number in range(9)]
    if fits:
        assert plan_attributes([MRR], everything, model="contact", prefix="cb_").missing == [MRR]
        return
    with pytest.raises(AttributeConflictError) as caught:
        plan_attributes([MRR], everything, model="contact", prefix="cb_")
    assert str(caught.value) == (
        "Intercom holds at most 250 custom attributes and has 250; 1 more are needed (the first is `cb_mrr`): "
        "archive some there, or send fewer."
    )


NAMES = st.text("abc_ -1", min_size=1, max_size=8)


@given(st.dictionaries(NAMES, st.sampled_from(sorted(HOLDS)), max_size=8))
def test_after_the_creation_nothing_is_missing(types: dict[str, str]) -> None:
    """After the missing attributes were created, a new plan is empty."""
    wanted = [Attribute(name, data_type) for name, data_type in types.items()]
    missing = plan_attributes(wanted, [], model="contact", prefix="cb_").missing
    created = [existing(one.name, one.data_type) for one in missing]
    assert plan_attributes(wanted, created, model="contact", prefix="cb_") == AttributePlan([], types)


@pytest.mark.parametrize(
    ("wanted", "held", "data_type"),
    [
        (Attribute("cb_x", "float"), "integer", "integer"),
        (Attribute("cb_x", "boolean"), "string", "string"),
        (Attribute("cb_x", "date"), "string", "string"),
        (Attribute("cb_x", "string", declared=False), "date", "date"),
        (Attribute("cb_x", "integer", declared=False), "boolean", "boolean"),
    ],
    ids=["whole number", "yes or no as text", "date as text", "inferred text", "inferred number"],
)
def test_an_attribute_of_an_earlier_type_goes_on_in_that_type(wanted: Attribute, held: str, data_type: str) -> None:
    """An existing attribute keeps a type that an earlier version chose, because Intercom cannot change it."""
    plan = plan_attributes([wanted], [existing("cb_x", held)], model="contact", prefix="cb_")
    assert plan == AttributePlan([], {"cb_x": data_type}, earlier=["cb_x"])


@pytest.mark.parametrize(
    "options", [[{"value": "gold"}, {"value": "iron"}], ["gold", "iron"]], ids=["objects", "texts"]
)
def test_the_options_of_a_list_attribute_are_known_before_the_first_write(options: list[Any]) -> None:
    """The options of a list attribute are read in both forms in which Intercom lists them."""
    plan = plan_attributes(
        [Attribute("cb_tier", "string")], [existing("cb_tier", options=options)], model="contact", prefix="cb_"
    )
    assert plan.choices == {"cb_tier": frozenset({"gold", "iron"})}
