"""Custom objects: which are written, deleted and referred to, and what Intercom must have first; calls are counted."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from singer_kit.journal import list_journals
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from target_intercom.records.subscription_objects import read_options, read_references, read_subscription
from target_intercom.target import TargetIntercom
from target_intercom.writing.object_ledger import ObjectLedger
from target_intercom.writing.restorer import RecordRestorer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Record = Callable[..., dict[str, Any]]

TYPE, REFERENCE = "Subscription", "cb_subscriptions"
KINDS = {"plan": "string", "mrr": "float", "ends_at": "date"}
SCHEMA: dict[str, Any] = {
    "properties": {
        "custom_attributes": {
            "properties": {
                "plan": {"type": ["string", "null"]},
                "mrr": {"type": ["number", "null"]},
                "ends_at": {"type": ["string", "null"], "format": "date-time"},
            }
        }
    },
    "x-standpipe-objects": {"type": TYPE, "reference": REFERENCE, "is_whole": True},
}
CREATE = (
    "create the custom object `Subscription` in Intercom (Settings, Data, Custom objects) with the attributes plan "
    "(Text), mrr (Decimal number), ends_at (Date); and under People an attribute `cb_subscriptions` that references "
    "several `Subscription`"
)


def sub(key: str, customer: str = "ann", **values: Any) -> dict[str, Any]:
    """Return a record of the stream."""
    return {"subscription_id": key, "customer_id": customer, "custom_attributes": {"plan": "pro", **values}}


@dataclass
class Objects:
    """Runs the target on contacts and subscriptions, and knows what Intercom has."""

    target: Any
    workspace: Any
    customer: Record

    def feed(
        self,
        subscriptions: Sequence[dict[str, Any]],
        contacts: Sequence[str] = ("ann",),
        *,
        whole: bool = True,
        emails: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> dict[str, Any]:
        """Run the target once, and return its summary; the call counts start at zero."""
        rows = [self.customer(one, **({"email": emails[one]} if emails and one in emails else {})) for one in contacts]
        *lines, state = self.target.build_input(rows).splitlines()
        schema = {**SCHEMA, "x-standpipe-objects": {**SCHEMA["x-standpipe-objects"], "is_whole": whole}}
        key = ["subscription_id"]
        head = {"type": "SCHEMA", "stream": "subscription_objects", "schema": schema, "key_properties": key}
        lines.append(json.dumps(head))
        lines += [
            json.dumps({"type": "RECORD", "stream": "subscription_objects", "record": one}) for one in subscriptions
        ]
        self.workspace.sandbox.clear_calls()
        config = self.target.config(**settings)
        TargetIntercom(config=config).listen(io.StringIO("\n".join([*lines, state]) + "\n"))
        self.target.capsys.readouterr()
        summary = json.loads((self.target.directory / "summary.json").read_text())
        names = ("objects_saved", "objects_unchanged", "objects_deleted", "references_written")
        kept = (*names, "objects_skipped", "objects_rejected")
        return {name.removeprefix("objects_"): summary[name] for name in kept if summary[name]}

    def instances(self) -> dict[str, dict[str, Any]]:
        """Return the values of Intercom's instances by external id, without nulls."""
        kind = self.workspace.sandbox.world.intercom.custom_objects.types[TYPE]
        return {
            key: {name: value for name, value in one.custom_attributes.items() if value is not None}
            for key, one in kind.instances.items()
        }

    def referred(self) -> dict[str, list[str]]:
        """Return the subscriptions that each contact refers to, by the contact's e-mail address."""
        intercom = self.workspace.sandbox.world.intercom
        found = {}
        for one in intercom.contacts.live():
            kind = intercom.custom_objects.types[TYPE]
            listed = intercom.custom_objects.list_references_of("contact", one.document["custom_attributes"], kind)
            if listed:
                found[one.document["email"]] = sorted(each.external_id for each in listed)
        return found

    def find_ann(self) -> Any:
        """Return Ann's contact."""
        contacts = self.workspace.sandbox.world.intercom.contacts.live()
        return next(one for one in contacts if one.document["email"] == "ann@a.example")

    @property
    def calls(self) -> dict[str, int]:
        """The calls that write, besides the searches."""
        found = self.target.calls
        return {
            call: count for call, count in found.items() if call.split(" ")[0] in {"PUT", "DELETE"} or "obj" in call
        }

    def begin(self, *, reference: bool = True, many: bool = True, kinds: Any = KINDS, **settings: Any) -> None:
        """Begin a workspace that knows Ann and Bob, with the custom object."""
        self.workspace.sandbox.reset(customers=0, **settings)
        self.workspace.add(email="ann@a.example")
        self.workspace.add(email="bob@a.example")
        how = {"reference": REFERENCE, "many": many} if reference else {}
        self.workspace.sandbox.object_type(TYPE, kinds, **how)


@pytest.fixture
def objects(workspace: Any, target: Any, customer: Record) -> Objects:
    """Return the target in a workspace with the custom object, whose contacts are already in step."""
    found = Objects(target, workspace, customer)
    found.begin()
    found.feed([], contacts=("ann", "bob"))
    return found


CHECK = {"GET /custom_object_instances/{type}": 1}
SAVE, REFER, DELETE = (
    "POST /custom_object_instances/{type}",
    "PUT /contacts/{id}",
    "DELETE /custom_object_instances/{type}",
)


def test_each_subscription_is_one_call_and_each_set_another(objects: Objects) -> None:
    """A run writes each new or changed subscription once, and a contact once if its set changed; a replay nothing."""
    both = [sub("s1", mrr=9.5), sub("s2", ends_at="2026-03-01T00:00:00Z")]
    assert objects.feed(both) == {"saved": 2, "references_written": 1}
    assert objects.calls == {**CHECK, SAVE: 2, REFER: 1}
    assert objects.instances() == {"s1": {"plan": "pro", "mrr": 9.5}, "s2": {"plan": "pro", "ends_at": 1772323200}}
    assert objects.referred() == {"ann@a.example": ["s1", "s2"]}
    assert objects.feed(both) == {"unchanged": 2}
    assert objects.calls == CHECK
    assert objects.feed([sub("s1", mrr=10), both[1]]) == {"saved": 1, "unchanged": 1}
    assert objects.calls == {**CHECK, SAVE: 1}
    assert objects.instances()["s1"] == {"plan": "pro", "mrr": 10}


def test_a_value_that_is_gone_is_cleared(objects: Objects) -> None:
    """A value that the source no longer has is null in Intercom."""
    objects.feed([sub("s1", mrr=9.5)])
    objects.feed([sub("s1", mrr=None)])
    assert objects.instances() == {"s1": {"plan": "pro"}}


def test_a_subscription_that_goes_loses_its_instance_and_its_reference(objects: Objects) -> None:
    """One that no longer comes with its customer is deleted with one call, and the contact's set is written."""
    objects.feed([sub("s1"), sub("s2")])
    assert objects.feed([sub("s2")]) == {"unchanged": 1, "deleted": 1, "references_written": 1}
    assert objects.calls == {**CHECK, DELETE: 1, REFER: 1}
    assert objects.referred() == {"ann@a.example": ["s2"]}
    assert objects.feed([]) == {"deleted": 1, "references_written": 1}
    assert (objects.instances(), objects.referred()) == ({}, {})


@pytest.mark.parametrize(("whole", "left"), [(True, {}), (False, {"bob@a.example": ["s2"]})], ids=["whole", "some"])
def test_objects_of_customers_that_do_not_come(objects: Objects, left: dict[str, list[str]], *, whole: bool) -> None:
    """Only a run over every customer deletes the objects of those that do not come, such as erased ones."""
    objects.feed([sub("s1"), sub("s2", "bob")], contacts=("ann", "bob"))
    objects.feed([sub("s1")], contacts=("ann",), whole=whole)
    assert objects.referred() == {"ann@a.example": ["s1"], **left}


def test_a_run_that_would_delete_most_objects_stops(objects: Objects) -> None:
    """Of 200 objects and more, a run that would delete more than `max_changed_share` writes none until it may."""
    ledger = ObjectLedger(objects.target.directory / "memory")
    with ledger.note_input():
        for number in range(200):
            ledger.begin(f"s{number}", "eve", "1")
            ledger.settle(f"s{number}", str(number), {"plan": "pro"})
    ledger.close()
    with pytest.raises(FatalAPIError) as error:
        objects.feed([sub("t1")])
    assert str(error.value) == (
        "200 of 200 custom objects would be deleted, more than `max_changed_share` (50%) permits: no object was "
        "written; see them with `mode: validate`, and set `accept_changes` to true for one run if that is right."
    )
    assert objects.calls == CHECK
    assert objects.feed([sub("t1")], whole=False)["saved"] == 1
    assert objects.feed([sub("t1")], mode="validate") == {"unchanged": 1, "deleted": 200, "references_written": 1}
    assert objects.feed([sub("t1")], accept_changes=True)["deleted"] == 200


def test_objects_follow_their_customer_to_another_contact(objects: Objects) -> None:
    """When a customer matches another contact, that one refers to the objects, and the earlier one does not."""
    objects.feed([sub("s1")])
    assert objects.feed([sub("s1")], emails={"ann": "bob@a.example"}) == {"unchanged": 1, "references_written": 2}
    assert objects.referred() == {"bob@a.example": ["s1"]}


@pytest.mark.parametrize(
    ("contacts", "whole"), [(("ann", "bob"), True), (("bob",), False)], ids=["every customer", "the new one only"]
)
def test_a_subscription_that_moves_to_another_customer_keeps_its_instance(
    objects: Objects, contacts: tuple[str, ...], *, whole: bool
) -> None:
    """An unchanged subscription of another customer than before is not deleted, and its new contact refers to it."""
    objects.feed([sub("s1"), sub("s2")], contacts=("ann", "bob"))
    kept = [sub("s2")] if whole else []
    found = objects.feed([*kept, sub("s1", "bob")], contacts=contacts, whole=whole)
    assert found == {"unchanged": len(kept) + 1, "references_written": 2}
    assert list(objects.instances()) == ["s1", "s2"]
    assert objects.referred() == {"ann@a.example": ["s2"], "bob@a.example": ["s1"]}


def test_a_contact_shows_the_subscriptions_of_its_customer_only(objects: Objects) -> None:
    """When another customer takes a contact over, also in a run over some, the earlier one's objects go."""
    objects.feed([sub("s1")])
    objects.feed([sub("s9", "eve")], contacts=("eve",), emails={"eve": "ann@a.example"}, whole=False)
    assert (list(objects.instances()), objects.referred()) == (["s9"], {"ann@a.example": ["s9"]})


def test_a_customer_without_a_contact_has_no_objects(objects: Objects) -> None:
    """A subscription of a customer that Intercom does not know is left alone, and one whose contact went is deleted."""
    assert objects.feed([sub("s1", "eve")], contacts=("eve",)) == {"skipped": {"no_contact": 1}}
    objects.feed([sub("s1")])
    ann = next(
        one for one in objects.workspace.sandbox.world.intercom.contacts.live() if "ann" in one.document["email"]
    )
    objects.workspace.sandbox.world.intercom.delete_contact(ann)
    objects.feed([sub("s1")], whole=False)
    assert objects.instances() == {}


@pytest.mark.parametrize("writes", ["replace", "extend", "add"])
@pytest.mark.parametrize("shows", [True, False], ids=["shown", "hidden"])
def test_references_are_right_whatever_a_list_does(objects: Objects, writes: str, *, shows: bool) -> None:
    """A contact refers to its own objects, whether Intercom replaces or extends a list, and whether it shows it."""
    objects.begin(intercom_reference_writes=writes, intercom_shows_references=shows, intercom_lists_references=shows)
    objects.feed([sub("s1"), sub("s2")])
    assert objects.referred() == {"ann@a.example": ["s1", "s2"]}
    objects.feed([sub("s2"), sub("s3")])
    assert objects.referred() == {"ann@a.example": ["s2", "s3"]}
    found = objects.feed([sub("s2"), sub("s3")], emails={"ann": "bob@a.example"})
    kept = {"ann@a.example": ["s2", "s3"]} if writes == "add" else {}
    assert objects.referred() == {**kept, "bob@a.example": ["s2", "s3"]}
    assert found.get("skipped") == ({"reference_kept": 1} if writes == "add" else None)
    assert objects.feed([sub("s2"), sub("s3")], emails={"ann": "bob@a.example"}) == {"unchanged": 2}


def test_without_the_type_nothing_is_written(objects: Objects) -> None:
    """A missing custom object ends the run before its first write, and the sentence says what to create."""
    objects.workspace.sandbox.reset(customers=0)
    objects.workspace.add(email="ann@a.example")
    with pytest.raises(ConfigurationError) as error:
        objects.feed([sub("s1")])
    assert str(error.value) == (
        f"Intercom has no custom object `Subscription`, and nothing was written: {CREATE}; or take "
        "`subscription_objects` out of the settings of the map."
    )
    assert not [one for one in objects.target.calls if one.startswith(("PUT", "POST /data"))]


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"kinds": {"plan": "string"}}, f"The custom object `Subscription` lacks the attribute `mrr`: {CREATE}."),
        (
            {"kinds": {"plan": "string"}, "intercom_refuse_unknown_object_attributes": False},
            f"The custom object `Subscription` lacks the attribute `mrr`: {CREATE}.",
        ),
        (
            {"reference": False},
            f"Intercom refuses references (Custom attribute 'cb_subscriptions' does not exist): {CREATE}.",
        ),
        (
            {"many": False},
            f"Intercom refuses references (Custom attribute 'cb_subscriptions' takes one instance): {CREATE}.",
        ),
    ],
    ids=["refused", "ignored", "no reference", "one only"],
)
def test_what_is_missing_is_named_at_the_first_write(objects: Objects, how: dict[str, Any], sentence: str) -> None:
    """An attribute or a reference that a person has not created ends the run in a sentence; the next one goes on."""
    objects.begin(**how)
    with pytest.raises(ConfigurationError) as error:
        objects.feed([sub("s1", mrr=1.5), sub("s2")])
    assert str(error.value) == sentence


def test_a_validation_writes_nothing(objects: Objects) -> None:
    """A validation lists what a sync would save, delete and refer to, and writes nothing."""
    objects.feed([sub("s1"), sub("s2")])
    assert objects.feed([sub("s2", mrr=3)], mode="validate") == {"saved": 1, "deleted": 1, "references_written": 1}
    assert objects.calls == CHECK
    with (objects.target.directory / "objects.csv").open(encoding="utf-8") as file:
        rows = [(row["id"], row["outcome"], row["fields"]) for row in csv.DictReader(file)]
    ann = next(
        one for one in objects.workspace.sandbox.world.intercom.contacts.live() if "ann" in one.document["email"]
    )
    assert rows == [("s2", "saved", "mrr"), ("s1", "deleted", ""), (ann.id, "referred", "cb_subscriptions")]
    assert objects.referred() == {"ann@a.example": ["s1", "s2"]}


def test_a_lost_reply_is_asked_for_again(objects: Objects) -> None:
    """A write whose reply is lost is made again, with one instance and one reference as its result."""
    for method in ("POST", "PUT"):
        path = "/custom_object_instances/*" if method == "POST" else "/contacts/*"
        objects.workspace.sandbox.fault(api="intercom", method=method, path=path, nth=1, effect={"drop": "after"})
    assert objects.feed([sub("s1")]) == {"saved": 1, "references_written": 1}
    assert (list(objects.instances()), objects.referred()) == (["s1"], {"ann@a.example": ["s1"]})


def test_an_instance_that_somebody_deleted_is_written_again(objects: Objects) -> None:
    """A reference to an instance that is gone is refused, and the next run writes the instance again."""
    objects.feed([sub("s1")])
    intercom = objects.workspace.sandbox.world.intercom
    intercom.custom_objects.delete(intercom.custom_objects.types[TYPE].instances["s1"])
    assert objects.feed([sub("s1"), sub("s2")])["rejected"] == {"parameter_invalid": 1}
    objects.feed([sub("s1"), sub("s2")])
    assert objects.referred() == {"ann@a.example": ["s1", "s2"]}


def test_the_journal_has_every_write(objects: Objects) -> None:
    """Each write is in the journal with what it wrote, and an undo leaves it as it is."""
    folder = objects.target.directory / "journal"
    objects.feed([sub("s1", mrr=2)], journal_dir=str(folder))
    (path,) = list_journals(folder)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    told = [(one["stream"], one["action"], sorted(one["fields"])) for one in lines if one["type"] == "intent"]
    assert told == [
        ("subscription_objects", "save", ["mrr", "plan"]),
        ("object_references", "refer", ["cb_subscriptions"]),
    ]
    assert {"subscription_objects", "object_references"} <= set(RecordRestorer.final_streams)


def test_a_lost_ledger_has_everything_written_once_more(objects: Objects) -> None:
    """Without the ledger every subscription and every set is written once, and Intercom is as before."""
    objects.feed([sub("s1")])
    (objects.target.directory / "memory" / "objects.sqlite").unlink()
    assert objects.feed([sub("s1")]) == {"saved": 1, "references_written": 1}
    assert objects.referred() == {"ann@a.example": ["s1"]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "subscription.list", "instances": [{"id": "1"}, {"id": "2"}]}, ["1", "2"]),
        ({"type": "subscription.list", "instances": []}, []),
        (["1", "2"], ["1", "2"]),
        (None, None),
        ("1", None),
        ([{"id": 1}], None),
    ],
)
def test_the_references_that_a_contact_shows(value: Any, expected: list[str] | None) -> None:
    """A list of instances or of ids can be read, and nothing else."""
    assert read_references(value) == expected


@pytest.mark.parametrize(
    "record", [{}, {"subscription_id": "s1"}, {"subscription_id": "", "customer_id": "a"}, {"subscription_id": 1}]
)
def test_a_record_that_is_no_subscription(record: dict[str, Any]) -> None:
    """A record without the two ids is no subscription."""
    options = read_options(SCHEMA)
    assert options is not None
    assert read_subscription(record, options) is None
