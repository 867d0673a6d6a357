"""A run over a subset leaves matches alone that may belong to a record outside the subset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Record = Callable[..., dict[str, Any]]
    Change = Callable[[Any, dict[str, str]], object]

MRR = "cb_cust_mrr"


def run_subset(target: Any, records: Iterable[dict[str, Any]], settings: Mapping[str, Any] | None = None) -> Any:
    """Run the target over a subset of the records."""
    target.is_subset = True
    ran = target.run(records, **(settings or {}))
    target.is_subset = False
    return ran


def get_values(workspace: Any, contact_id: str) -> tuple[Any, Any]:
    """Return the link and the MRR of a contact."""
    attributes = workspace.get(contact_id)["custom_attributes"]
    return attributes.get("cb_cust_id"), attributes.get(MRR)


def test_a_match_of_a_customer_outside_the_run_is_left_alone(workspace: Any, target: Any, customer: Record) -> None:
    """A match linked to a customer outside the subset is skipped, because that customer may still need it."""
    ann = workspace.add(email="ann@a.example")
    target.run([customer("ann", "ann@a.example")])
    records = [customer("bob", "ann@a.example", **{MRR: 7})]
    ran = run_subset(target, records)
    assert ran.summary == {"status": "completed", "records": 1, "skipped": {"linked_to_another": 1}}
    assert get_values(workspace, ann) == ("ann", 10.5)
    # In the full run, Ann has a new address and is found by her link.
    ran = target.run([customer("ann", "ann@new.example", **{MRR: 3}), *records])
    assert ran.summary["skipped"] == {"claimed": 1}
    assert get_values(workspace, ann) == ("ann", 3)


def test_over_everybody_a_link_to_nobody_is_taken(workspace: Any, target: Any, customer: Record) -> None:
    """In a full run, a contact linked to a customer that no longer exists is written."""
    ann = workspace.add(email="ann@a.example")
    target.run([customer("ann", "ann@a.example")])
    records = [customer("bob", "ann@a.example", **{MRR: 7})]
    assert run_subset(target, records).summary["skipped"] == {"linked_to_another": 1}
    assert target.run(records).summary["updated"] == 1
    assert get_values(workspace, ann) == ("bob", 7)


def test_the_records_own_link_wins(workspace: Any, target: Any, customer: Record) -> None:
    """A contact with the record's own link is written, even when its address matches another's contact."""
    workspace.add(email="ann@a.example")
    bob = workspace.add(email="bob@a.example")
    target.run([customer("ann", "ann@a.example"), customer("bob", "bob@a.example")])
    ran = run_subset(target, [customer("bob", "ann@a.example", **{MRR: 7})])
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}
    assert get_values(workspace, bob) == ("bob", 7)


@pytest.mark.parametrize("match", [{}, {"cb_cust_id": "bob"}], ids=["linked to nobody", "linked to the record"])
def test_other_matches_are_written_as_ever(
    workspace: Any, target: Any, customer: Record, match: dict[str, str]
) -> None:
    """In a subset, a contact without a link or with the record's own is written as usual."""
    workspace.attribute("cb_cust_id", "string")
    bob = workspace.add(email="bob@a.example", custom_attributes=match)
    ran = run_subset(target, [customer("bob", "bob@a.example", **{MRR: 7})])
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}
    assert get_values(workspace, bob) == ("bob", 7)


def test_the_guard_counts_over_all_runs_since_the_last_one_over_everything(
    workspace: Any, target: Any, customer: Record
) -> None:
    """A run over few records is stopped when such runs together would change too many; a full run resets the count."""
    names = [f"c{number:03}" for number in range(200)]
    for name in names:
        workspace.add(email=f"{name}@a.example")

    def build(names: list[str], mrr: int) -> list[dict[str, Any]]:
        return [customer(name, f"{name}@a.example", **{MRR: mrr}) for name in names]

    for _ in range(2):  # the second run finds them linked
        target.run(build(names, 1))
    settings = {"max_changed_share": 0.1}
    target.is_subset = True
    assert target.run(build(names[:15], 2), **settings).summary["updated"] == 15
    assert target.run(build(names[10:20], 2), **settings).summary["updated"] == 5
    with pytest.raises(FatalAPIError, match="Since the last full run, 21 of 200 linked records"):
        target.run(build(names[20:21], 2), **settings)
    assert target.read().figure("stopped_by") == "guard"
    assert workspace.writes() == 0
    target.is_subset = False
    assert (
        target.run(build(names[:20], 2) + build(names[20:21], 3) + build(names[21:], 1), **settings).summary["updated"]
        == 1
    )
    target.is_subset = True
    assert target.run(build(names[:20], 4), **settings).summary["updated"] == 20


BY_NAME = {"match_companies_on": "name", "on_no_match": "create"}
START = {"GET /me": 1, "GET /data_attributes": 2}


def add_companies(workspace: Any, *names: str) -> dict[str, str]:
    """Create companies, each with a user, and return Intercom's ids by name."""
    return {name: workspace.add_company(company_id=f"legacy-{name}", name=name) for name in names}


@pytest.mark.parametrize("settings", [BY_NAME, {}], ids=["by name", "by company id"])
def test_a_run_over_some_companies_reads_only_those(
    workspace: Any, target: Any, company: Record, settings: dict[str, str]
) -> None:
    """They are read by the ids that the last scroll found, so that a subset opens no scroll."""
    for name in ("a", "b", "c"):
        workspace.add_company(company_id=name, name=name.upper())
    records = [company(name, name.upper()) for name in ("a", "b", "c")]
    target.run(records, **settings)
    assert target.calls["GET /companies/scroll"] == 2
    ran = run_subset(target, [company("b", "B", **{MRR: 7})], settings)
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}
    assert target.calls == START | {"GET /companies/{id}": 1, "PUT /companies/{id}": 1}


def test_a_company_that_no_scroll_was_made_for_costs_one(workspace: Any, target: Any, company: Record) -> None:
    """A new or a renamed record opens a scroll; the next subset with it does not."""
    add_companies(workspace, "A", "B")
    target.run([company("a", "A")], **BY_NAME)
    for record in (company("b", "B"), company("a", "B2")):
        run_subset(target, [record], BY_NAME)
        assert target.calls["GET /companies/scroll"] == 2
        assert run_subset(target, [record], BY_NAME).summary["unchanged"] == 1
        assert "GET /companies/scroll" not in target.calls


def test_contacts_of_a_subset_are_attached_without_a_scroll(workspace: Any, target: Any, customer: Record) -> None:
    """The company that a contact names is requested by its id."""
    add_companies(workspace, "A", "B")
    ann = workspace.add(email="ann@a.example")
    record = customer("ann") | {"company_id": "legacy-A"}
    run_subset(target, [record], {"attach_companies": True})
    calls = {path: count for path, count in target.calls.items() if "/companies" in path}
    assert calls == {"GET /companies": 1, "POST /contacts/{id}/companies": 1}
    assert workspace.companies_of(ann) == ["legacy-A"]


def rename(workspace: Any, company_id: str, name: str) -> object:
    """Rename a company in Intercom."""
    return workspace.call("PUT", f"/companies/{company_id}", {"name": name})


def leave(workspace: Any, company_id: str) -> None:
    """Detach the users of a company."""
    for one in workspace.call("GET", f"/companies/{company_id}/contacts")["data"]:
        workspace.call("DELETE", f"/contacts/{one['id']}/companies/{company_id}")


#: What happens in Intercom after the first full run, and the names of the records `a`, `b` and `c` then;
#: the subset has those that are named, with another MRR.
CASES: dict[str, tuple[Change | None, dict[str, str]]] = {
    "another value": (None, {"a": "A"}),
    "renamed in the source": (None, {"a": "Z"}),
    "renamed in Intercom": (lambda workspace, ids: rename(workspace, ids["A"], "Z"), {"a": "A"}),
    "deleted in Intercom": (lambda workspace, ids: workspace.call("DELETE", f"/companies/{ids['A']}"), {"a": "A"}),
    "without users now": (lambda workspace, ids: leave(workspace, ids["A"]), {"a": "A"}),
    "several of the name": (None, {"c": "C"}),
    "the name of another record": (None, {"a": "B"}),
    "names swapped": (None, {"a": "B", "b": "A"}),
    "a new record": (None, {"d": "D"}),
    "a new record of a known name": (None, {"d": "A"}),
    "the name came to another company": (
        lambda workspace, ids: (rename(workspace, ids["A"], "Z"), rename(workspace, ids["D"], "A")),
        {"a": "A"},
    ),
}


@pytest.mark.parametrize(("happens", "subset"), CASES.values(), ids=CASES.keys())
def test_a_subset_of_companies_changes_nothing_of_the_end(
    workspace: Any, target: Any, company: Record, happens: Change | None, subset: dict[str, str]
) -> None:
    """After the next full run, Intercom is as without the subset."""

    def play(directory: str, *, with_subset: bool) -> dict[str, Any]:
        workspace.sandbox.reset(customers=0)
        target.directory = target.directory.parent / directory
        ids = add_companies(workspace, "A", "B", "C", "D")
        workspace.add_company(company_id="second-C", name="C")
        records = {name: company(name, name.upper()) for name in ("a", "b", "c")}
        target.run(records.values(), **BY_NAME)
        if happens:
            happens(workspace, ids)
        changed = {record: company(record, name, **{MRR: 7}) for record, name in subset.items()}
        if with_subset:
            run_subset(target, changed.values(), BY_NAME)
        target.run((records | changed).values(), **BY_NAME)
        return {one["company_id"]: (one["name"], one["custom_attributes"]) for one in workspace.companies()}

    assert play("with", with_subset=True) == play("without", with_subset=False)


def test_a_damaged_file_of_known_companies_costs_a_scroll(workspace: Any, target: Any, company: Record) -> None:
    """The file only saves calls, and holds neither a name nor an id of the source."""
    add_companies(workspace, "Acme Incorporated")
    record = company("customer-7", "Acme Incorporated")
    target.run([record], **BY_NAME)
    known = target.directory / "memory" / "companies.jsonl"
    assert "acme" not in known.read_text().lower()
    assert "customer-7" not in known.read_text()
    known.write_text(known.read_text()[:-5])
    assert run_subset(target, [record], BY_NAME).summary["unchanged"] == 1
    assert target.calls["GET /companies/scroll"] == 2
