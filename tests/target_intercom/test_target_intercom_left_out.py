"""Customers that a filter leaves out: their values stay, or are cleared; attributes that are renamed likewise."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from target_intercom.target import TargetIntercom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Record = Callable[..., dict[str, Any]]

NUMBER = {"type": ["number", "null"]}
TEXT = {"type": ["string", "null"]}
LINKED = {"cb_cust_id": TEXT, "cb_cust_mrr": NUMBER}


def build_input(
    records: Iterable[dict[str, Any]],
    left_out: Iterable[str] = (),
    *,
    clear: bool = False,
    subset: bool = False,
    attributes: dict[str, Any] = LINKED,
) -> io.StringIO:
    """Return the messages of a map with a filter."""
    schema = {
        "properties": {
            **dict.fromkeys(("customer_id", "email", "cb_sub_status"), TEXT),
            "custom_attributes": {"type": ["object"], "properties": attributes},
        },
        **({"x-standpipe-subset": True} if subset else {}),
    }
    reasons = {"x-standpipe-clear": ["left_out"]} if clear else {}
    rows = [{"customer_id": one, "reason": "left_out", "instead_of": None} for one in left_out]
    not_sent = {"properties": {"customer_id": TEXT, "reason": TEXT}, **reasons}
    key = ["customer_id"]
    lines = [
        {"type": "SCHEMA", "stream": "contacts", "schema": schema, "key_properties": key},
        *({"type": "RECORD", "stream": "contacts", "record": one} for one in records),
        {"type": "SCHEMA", "stream": "not_sent", "schema": not_sent, "key_properties": key},
        *({"type": "RECORD", "stream": "not_sent", "record": one} for one in rows),
        {"type": "STATE", "value": {}},
    ]
    return io.StringIO("".join(json.dumps(one) + "\n" for one in lines))


def run(target: Any, given: io.StringIO, **settings: Any) -> dict[str, Any]:
    """Run the target, and return the figures of its summary."""
    target.workspace.sandbox.clear_calls()
    TargetIntercom(config=target.config(**settings)).listen(given)
    figures: dict[str, Any] = json.loads((target.directory / "summary.json").read_text())
    return figures


def person(customer_id: str, email: str, **attributes: Any) -> dict[str, Any]:
    """Return a record with an MRR."""
    return {"customer_id": customer_id, "email": email, "custom_attributes": {"cb_cust_mrr": 5, **attributes}}


def get_values(workspace: Any, contact_id: str) -> tuple[Any, Any]:
    """Return the link and the MRR of a contact."""
    attributes = workspace.get(contact_id)["custom_attributes"]
    return attributes.get("cb_cust_id"), attributes.get("cb_cust_mrr")


@pytest.mark.parametrize("subset", [False, True], ids=["over everybody", "over some"])
@pytest.mark.parametrize("clear", [False, True], ids=["keep", "clear"])
def test_a_customer_that_is_left_out(workspace: Any, target: Any, *, subset: bool, clear: bool) -> None:
    """Its values and its link stay, or are cleared, though nothing else is sent; the next run writes nothing."""
    values, writes = ((None, None), 1) if clear else (("ann", 5), 0)
    ann = workspace.add(email="ann@a.example")
    run(target, build_input([person("ann", "ann@a.example")]))
    summary = run(target, build_input([], ["ann"], clear=clear, subset=subset))
    assert (get_values(workspace, ann), workspace.writes(), summary["moved_cleared"]) == (values, writes, writes)
    run(target, build_input([], ["ann"], clear=clear, subset=subset))
    assert (workspace.writes(), get_values(workspace, ann)) == (0, values)


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("subset", [False, True])
def test_the_one_who_takes_the_place(workspace: Any, target: Any, *, clear: bool, subset: bool) -> None:
    """The contact of a customer that is left out goes to the one with its address, also in a subset."""
    ann = workspace.add(email="one@a.example")
    run(target, build_input([person("ann", "one@a.example")]))
    run(target, build_input([person("ben", "one@a.example", cb_cust_mrr=7)], ["ann"], clear=clear, subset=subset))
    assert get_values(workspace, ann) == ("ben", 7)
    assert workspace.writes() == 1


def test_left_out_is_never_created(workspace: Any, target: Any) -> None:
    """For a customer that is left out, nothing is created."""
    run(target, build_input([], ["ann"], clear=True), on_no_match="create")
    assert workspace.contacts() == []


def test_a_validation_shows_what_would_be_cleared(workspace: Any, target: Any) -> None:
    """In mode `validate` the record is listed as one that would be cleared, and nothing is written."""
    ann = workspace.add(email="ann@a.example")
    run(target, build_input([person("ann", "ann@a.example")]))
    summary = run(target, build_input([], ["ann"], clear=True), mode="validate")
    assert (summary["moved_cleared"], summary["not_sent"], workspace.writes()) == (1, {"left_out": 1}, 0)
    assert "would be cleared" in (target.directory / "moved.csv").read_text()
    assert get_values(workspace, ann) == ("ann", 5)


def test_a_filter_that_leaves_out_nearly_everybody_is_stopped(workspace: Any, target: Any) -> None:
    """When more linked records would be cleared than `max_changed_share` permits, nothing is written."""
    workspace.fill({"email": f"p{number}@a.example"} for number in range(201))
    records = [person(f"p{number}", f"p{number}@a.example") for number in range(201)]
    run(target, build_input(records))
    ids = [one["customer_id"] for one in records[:150]]
    with pytest.raises(FatalAPIError, match=r"150 of 201 linked records would change MRR or status or lose a value"):
        run(target, build_input(records[150:], ids, clear=True))
    assert workspace.writes() == 0
    run(target, build_input(records[150:], ids, clear=True), accept_changes=True)
    assert workspace.writes() == 150


def test_without_a_link_nothing_can_be_cleared(target: Any) -> None:
    """To clear without a link attribute is refused in one sentence."""
    with pytest.raises(ConfigurationError, match=r"set `link_attribute`, or the map's `on_left_out` to keep"):
        run(target, build_input([person("ben", "ben@a.example")], ["ann"], clear=True), link_attribute="")


def test_an_attribute_that_is_not_sent_any_more(workspace: Any, target: Any) -> None:
    """A retired attribute is cleared where Intercom has it, and never created."""
    ann = workspace.add(email="ann@a.example")
    run(target, build_input([person("ann", "ann@a.example")]))
    retired = {"x-standpipe-retired": True}
    attributes = {
        "cb_cust_id": TEXT,
        "cb_revenue": NUMBER,
        "cb_cust_mrr": {**NUMBER, **retired},
        "cb_never": {**TEXT, **retired},
        "plan": {**TEXT, **retired},
    }
    record = {
        "customer_id": "ann",
        "email": "ann@a.example",
        "custom_attributes": {"cb_revenue": 5, "cb_cust_mrr": None, "cb_never": None, "plan": None},
    }
    for writes in (1, 0):
        run(target, build_input([record], attributes=attributes))
        assert workspace.writes() == writes
    values = workspace.get(ann)["custom_attributes"]
    assert (values.get("cb_cust_mrr"), values["cb_revenue"]) == (None, 5)
    names = {one["name"] for one in workspace.call("GET", "/data_attributes?model=contact")["data"]}
    assert names & {"cb_never", "plan", "cb_revenue"} == {"cb_revenue"}


def test_a_renamed_mrr_is_guarded_like_before(workspace: Any, target: Any) -> None:
    """Changes of an attribute that its schema marks count for `max_changed_share`."""
    workspace.fill({"email": f"p{number}@a.example"} for number in range(200))
    attributes = {"cb_cust_id": TEXT, "cb_revenue": {**NUMBER, "x-standpipe-guarded": True}}
    given: list[dict[str, Any]] = [
        {"customer_id": f"p{number}", "email": f"p{number}@a.example", "custom_attributes": {"cb_revenue": 5}}
        for number in range(200)
    ]
    run(target, build_input(given, attributes=attributes))
    for one in given:
        one["custom_attributes"]["cb_revenue"] = 6
    with pytest.raises(FatalAPIError, match=r"200 of 200 linked records would change MRR or status"):
        run(target, build_input(given, attributes=attributes))


def test_a_status_beside_the_attributes_decides(workspace: Any, target: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A status that is not to be an attribute still says who is cancelled, and is not named as unused."""
    record = {**person("ann", "ann@a.example", cb_sub_status=None), "cb_sub_status": "cancelled"}
    summary = run(target, build_input([record]), on_no_match="create")
    assert (summary["skipped"], workspace.contacts()) == ({"cancelled": 1}, [])
    assert not [one for one in caplog.messages if "are not used" in one]
