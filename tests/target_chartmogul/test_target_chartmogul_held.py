"""Values that ChartMogul does not accept: overridden fields, undefined attributes, refused values."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings about held values in the last run."""
    found = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    caplog.clear()
    return [sentence for sentence in found if "held_values" in sentence]


def test_an_override_is_told_of_once(account: Any, target: Any, lead: Record, caplog: pytest.LogCaptureFixture) -> None:
    """A value for an overridden field is sent once, reported, and not sent again while nothing changes."""
    target.run([lead("a")])
    uuid = account.customer("a")["uuid"]
    account.call("PATCH", f"/customers/{uuid}", {"website_url": "own.example", "overrides": {"website_url": True}})
    record = lead("a", website_url="a.example")
    ran = target.run([record])
    assert ran.summary == {"status": "completed", "records": 1, "held": 1, "values_held": 1}
    assert ran.rows("held_values")[0][:6] == [
        "customers", "a", "website_url", '"a.example"', '"own.example"', "kept as ChartMogul has it"
    ]  # fmt: skip
    assert warnings(caplog) == ["`website_url` of customers is kept as ChartMogul has it (1): see held_values.csv"]
    again = target.run([record])
    assert again.summary == {"status": "completed", "records": 1, "held": 1, "values_held": 1}
    assert (account.writes(), warnings(caplog)) == (0, [])
    assert again.rows("held_values") == ran.rows("held_values")


def test_the_rest_of_a_record_is_written_beside_an_override(account: Any, target: Any, lead: Record) -> None:
    """An overridden attribute does not keep the others from being written."""
    target.run([lead("a", {"plan": "x", "seats": 1})])
    uuid = account.customer("a")["uuid"]
    pin = {"custom": [{"type": "String", "key": "plan", "value": "own"}], "overrides": {"custom": {"plan": True}}}
    account.call("POST", f"/customers/{uuid}/attributes/custom", pin)
    ran = target.run([lead("a", {"plan": "y", "seats": 2}, name="New")])
    assert ran.summary == {"status": "completed", "records": 1, "updated": 1, "values_held": 1}
    held = account.customer("a")
    assert (held["name"], held["attributes"]["custom"]) == ("New", {"plan": "own", "seats": 2})


@pytest.mark.parametrize("change", ["wanted", "lifted", "a day"])
def test_an_override_is_tried_again(account: Any, target: Any, lead: Record, change: str) -> None:
    """When either side changed, or after a day, the value is sent again."""
    target.run([lead("a")])
    uuid = account.customer("a")["uuid"]
    account.call("PATCH", f"/customers/{uuid}", {"company": "Own", "overrides": {"company": True}})
    target.run([lead("a")])
    name = "Another" if change == "wanted" else "A"
    if change == "lifted":
        account.call("PATCH", f"/customers/{uuid}", {"company": "Theirs", "overrides": {"company": False}})
    if change == "a day":
        memory = target.directory / "memory" / "held_values.csv"
        *rest, found_at = memory.read_text().splitlines()[1].split(",")
        memory.write_text(",".join(["stream,id,field,wanted,held,reason,found_at\n" + rest[0], *rest[1:]]))
        with memory.open("a") as file:
            file.write(f",{int(found_at) - 86_401}\n")
    ran = target.run([lead("a", company=name)])
    assert target.calls["PATCH /customers/{uuid}"] == 1
    assert len(ran.rows("held_values")) == (0 if change == "lifted" else 1)


def test_attributes_of_contacts_that_nobody_has_defined(
    account: Any, target: Any, lead: Record, person: Record, caplog: pytest.LogCaptureFixture
) -> None:
    """Undefined contact attributes are logged once per key, and contacts are not written again for them."""
    people = [person(f"p{n}", "a", {"mood": "good", "csm_owner": "Joe"}) for n in range(5)]
    ran = target.run([lead("a"), *people])
    assert ran.summary == {"status": "completed", "records": 6, "created": 6, "values_held": 5}
    assert [row[:3] + row[5:6] for row in ran.rows("held_values")] == [
        ["contacts", "*", "custom.mood", "not defined in ChartMogul"]
    ]
    assert warnings(caplog) == ["`custom.mood` of contacts is not defined in ChartMogul (1): see held_values.csv"]
    again = target.run([lead("a"), *people])
    assert again.summary == {"status": "completed", "records": 6, "unchanged": 1, "held": 5, "values_held": 5}
    assert (account.writes(), warnings(caplog)) == (0, [])


def test_an_attribute_that_is_defined_later_reaches_the_contacts(
    account: Any, target: Any, lead: Record, person: Record
) -> None:
    """Once a new contact shows that an attribute is defined, the next run writes it to the others."""
    people = [person(f"p{n}", "a", {"mood": "good"}) for n in range(3)]
    target.run([lead("a"), *people])
    account.held.contact_attributes._defined |= {"mood"}  # noqa: SLF001 - the API has no way to define one
    target.run([lead("a"), *people, person("new", "a", {"mood": "bad"})])
    target.run([lead("a"), *people])
    assert {key: one["custom"] for key, one in account.contacts().items()} == {
        "p0:a": {"mood": "good"}, "p1:a": {"mood": "good"}, "p2:a": {"mood": "good"}, "new:a": {"mood": "bad"}
    }  # fmt: skip


def test_a_conflict_of_types_concerns_its_attribute_only(
    account: Any, target: Any, lead: Record, caplog: pytest.LogCaptureFixture
) -> None:
    """An attribute that has another type in ChartMogul is left out and reported; the rest is written."""
    account.add("x", attributes={"custom": [{"type": "Integer", "key": "plan", "value": 1}]})
    records = [lead(name, {"plan": "gold", "seats": 2}) for name in "abc"]
    ran = target.run(records, max_concurrency=1)
    assert ran.summary["created"] == 3
    assert [account.customer(name)["attributes"]["custom"] for name in "abc"] == [{"seats": 2}] * 3
    sentence = "The custom attribute plan is of type Integer, not String."
    assert warnings(caplog) == [f"`custom.plan` of customers is refused: {sentence} (1): see held_values.csv"]
    assert ran.lines("rejects")[0] == {
        "stream": "customers", "id": "a", "uuid": account.customer("a")["uuid"], "field": "custom.plan",
        "reason": sentence,
    }  # fmt: skip
    assert target.calls["POST /customers"] == 4
    assert target.run(records).summary == {"status": "completed", "records": 3, "held": 3, "values_held": 3}
    assert account.writes() == 0


BAD = {
    "e-mail": ({"email": "nonsense"}, "email", "The value provided does not appear to be a valid email address."),
    "future": ({"lead_created_at": "2030-01-01"}, "lead_created_at", "The value provided must be in the past."),
    "country": ({"country": "Germany"}, "country", "The value provided is not a valid country code."),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("known", ["new", "known"])
def test_a_value_that_is_refused_is_left_out(account: Any, target: Any, lead: Record, case: str, known: str) -> None:
    """A value that ChartMogul refuses by name is left out and reported, and not sent again."""
    fields, name, sentence = BAD[case]
    if known == "known":
        account.add("a", name="Old")
    record = lead("a", name="New", **fields)
    ran = target.run([record, lead("b")])
    assert (ran.summary["records"], ran.summary["values_refused"]) == (2, 1)
    (line,) = ran.lines("rejects")
    assert (line["id"], line["field"]) == ("a", name)
    assert sentence in line["reason"]
    assert account.customer("a")["name"] == "New"
    assert sorted(account.customers()) == ["a", "b"]
    assert target.run([record, lead("b")]).summary["held"] == 1
    assert account.writes() == 0


def test_a_value_that_is_not_of_its_type_is_left_out(account: Any, target: Any, lead: Record) -> None:
    """A value of a wrong type is reported without a call, and the rest is written."""
    ran = target.run([lead("a", {"seats": "many", "plan": "x"}, free_trial_started_at="soon")])
    assert ran.summary == {"status": "completed", "records": 1, "created": 1, "values_refused": 2}
    assert [(line["field"], line["reason"]) for line in ran.lines("rejects")] == [
        ("free_trial_started_at", "the value is not of the type Timestamp"),
        ("custom.seats", "the value is not of the type Integer"),
    ]
    assert account.customer("a")["attributes"]["custom"] == {"plan": "x"}


def test_an_attribute_with_an_illegal_key_is_left_out(
    account: Any, target: Any, caplog: pytest.LogCaptureFixture, lead: Record
) -> None:
    """An attribute with an illegal key is logged once, and the other attributes are written."""
    custom = {"type": "object", "properties": {"ok": {"type": "string"}, "not ok": {"type": "string"}}}
    schema = {"customers": {"external_id": {"type": "string"}, "attributes": {"properties": {"custom": custom}}}}
    ran = target.run([lead("a", {"ok": "1", "not ok": "2"})], schema)
    assert ran.summary["attributes_left_out"] == ["not ok"]
    assert "The attribute `not ok` of the stream customers is left out: ChartMogul's keys hold letters" in caplog.text
    assert account.customer("a")["attributes"]["custom"] == {"ok": "1"}


def test_attributes_that_a_creation_does_not_take(account: Any, target: Any, lead: Record) -> None:
    """When a creation drops attributes and tags, they are written by further calls."""
    account.reset(chartmogul_create_takes_attributes=False)
    ran = target.run([lead("a", {"vip": False}, ["beta"])])
    assert ran.summary == {"status": "completed", "records": 1, "created": 1}
    held = account.customer("a")["attributes"]
    assert (held["custom"], held["tags"]) == ({"vip": False}, ["beta"])


def test_what_is_no_longer_held_back_is_forgotten(account: Any, target: Any, lead: Record) -> None:
    """When ChartMogul's value equals the record's, its line leaves the table."""
    target.run([lead("a")])
    uuid = account.customer("a")["uuid"]
    account.call("PATCH", f"/customers/{uuid}", {"company": "Own", "overrides": {"company": True}})
    assert len(target.run([lead("a")]).rows("held_values")) == 1
    ran = target.run([lead("a", company="Own")])
    assert (ran.summary["unchanged"], ran.rows("held_values")) == (1, [])


def test_what_is_remembered_has_a_folder_of_its_own(account: Any, target: Any, lead: Record, tmp_path: Any) -> None:
    """`memory_dir` keeps the held values when reports are deleted; only its owner can read it."""
    target.run([lead("a")])
    uuid = account.customer("a")["uuid"]
    account.call("PATCH", f"/customers/{uuid}", {"company": "Own", "overrides": {"company": True}})
    memory = tmp_path / "memory"
    target.run([lead("a")], memory_dir=str(memory))
    shutil.rmtree(target.directory)
    assert target.run([lead("a")], memory_dir=str(memory)).summary["held"] == 1
    assert account.writes() == 0
    assert (memory.stat().st_mode & 0o777, (memory / "held_values.csv").stat().st_mode & 0o777) == (0o700, 0o600)


def test_what_an_earlier_version_remembered_is_found(account: Any, target: Any, lead: Record) -> None:
    """Without a memory folder, the table that earlier versions kept among the reports is read."""
    target.run([lead("a")])
    uuid = account.customer("a")["uuid"]
    account.call("PATCH", f"/customers/{uuid}", {"company": "Own", "overrides": {"company": True}})
    target.run([lead("a")])
    shutil.rmtree(target.directory / "memory")
    assert target.run([lead("a")]).summary["held"] == 1
    assert account.writes() == 0


def test_a_validation_remembers_nothing(target: Any, lead: Record) -> None:
    """A validation does not change what is remembered."""
    target.run([lead("a")], mode="validate")
    assert [path.name for path in (target.directory / "memory").iterdir()] == []
