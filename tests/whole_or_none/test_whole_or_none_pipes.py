"""One member of a vendor's answer is missing, empty or of a wrong type while tap, map and target run as one pipe.

`PIPE_FAULTS=2000 pytest tests/whole_or_none` tries 2,000 faults per pipe, new ones each time.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.whole_or_none.conftest import Pipe, Pipes

FAULTS = int(os.environ.get("PIPE_FAULTS", "8"))
GONE = "gone"
"""Stands for a member that is removed."""
VALUES: list[Any] = [GONE, None, [], {}, "", "x", 7, -1, 4.5, True, [7], ["x"], {"x": 1}]

CHARGEBEE = ["list", "list.*", "next_offset"]
INTERCOM_PAGE = ["data", "data.*", "data.*.id", "total_count", "pages", "pages.next", "pages.next.starting_after"]
ENTRIES = ["entries", "entries.*", "entries.*.uuid", "has_more", "cursor"]


def billing(envelope: str, *needed: str) -> list[str]:
    """Return the declared members of one of Chargebee's lists."""
    record = f"list.*.{envelope}"
    return [*CHARGEBEE, record, *(f"{record}.{name}" for name in ("id", "updated_at", *needed))]


MEMBERS: dict[str, dict[str, list[str]]] = {
    "sync": {
        "GET .*/configurations": ["configurations", "configurations.*", "configurations.*.domain"],
        "GET .*/customers": billing("customer"),
        "GET .*/subscriptions": billing("subscription", "customer_id"),
        "GET .*/invoices": billing("invoice", "customer_id"),
        "GET .*/me": ["app", "app.id_code", "app.region"],
        "GET .*/data_attributes": ["data", "data.*", "data.*.name", "data.*.data_type"],
        "GET .*/contacts": [
            *INTERCOM_PAGE,
            *(f"data.*.{name}" for name in ("role", "email", "external_id", "custom_attributes", "companies")),
        ],
        "POST .*/data_attributes": ["name", "data_type"],
        "(POST|PUT) .*/contacts(/\\w+)?": ["id", "role"],
    },
    "sync-leads": {
        "GET .*/intercom/me": ["app", "app.id_code"],
        "GET .*/companies/scroll": ["data", "data.*", "data.*.id", "data.*.updated_at", "scroll_param"],
        "POST .*/contacts/search": [
            *INTERCOM_PAGE,
            *(f"data.*.{name}" for name in ("created_at", "updated_at", "companies", "companies.data")),
        ],
        "GET .*/data_sources": ["data_sources", "data_sources.*", "data_sources.*.uuid", "data_sources.*.name"],
        "GET .*/v1/customers": [*ENTRIES, "entries.*.external_id", "entries.*.data_source_uuids"],
        "GET .*/v1/contacts": [*ENTRIES, "entries.*.external_id", "entries.*.customer_uuid"],
        "POST .*/data_sources": ["uuid", "name"],
        "(POST|PATCH) .*/v1/(customers|contacts)(/\\w+)?": ["uuid"],
    },
}
MAY_BE_ABSENT = re.compile(
    r"data\.\*\.(email|external_id|custom_attributes|updated_at)|entries\.\*\.(external_id|customer_uuid|data_source_uuids)"
)
"""Members that may be null or missing: the record then simply has no such value."""
NO_TOTAL = re.compile(r"configurations|data_sources|entries|list|data")
"""Lists whose answer does not show that an empty page is wrong (docs/limits.md)."""


@dataclass
class Fault:
    """A wrong value for one member of an answer.

    Attributes:
        after: how many answers with the member stay correct before the fault.
        item: which item of a list is changed.
        stays: whether all later answers have the fault too, or only one answer.
    """

    answer: str
    member: str
    value: Any
    after: int
    item: int
    stays: bool
    applied: int = field(default=0, compare=False)
    seen: int = field(default=0, compare=False)

    def change(self, method: str, path: str, body: Any) -> Any:
        """Change an answer if the fault applies to it."""
        if not re.fullmatch(self.answer, f"{method} {path}") or (self.applied and not self.stays):
            return body
        place = self._find(body)
        if place is None or not self._shows(body, *place):
            return body
        self.seen += 1
        if self.seen > self.after:
            self.applied += 1
            where, name = place
            if self.value == GONE and isinstance(where, dict):
                del where[name]
            else:
                where[name] = None if self.value == GONE else self.value
        return body

    def _find(self, body: Any) -> tuple[Any, Any] | None:
        """Return the object or list that contains the member, and the member's name or index."""
        *above, last = self.member.split(".")
        for name in above:
            body = self._pick(body) if name == "*" else body.get(name) if isinstance(body, dict) else None
        if last == "*":
            return (body, self.item % len(body)) if isinstance(body, list) and body else None
        return (body, last) if isinstance(body, dict) and last in body else None

    def _pick(self, body: Any) -> Any:
        return body[self.item % len(body)] if isinstance(body, list) and body else None

    def _shows(self, body: dict[str, Any], where: Any, name: Any) -> bool:
        """Return whether a plugin can tell the fault from a correct answer."""
        present = where[name]
        is_absent = self.value is None or self.value == GONE
        if present is None or (type(present) is type(self.value) and self.value) or present == self.value:
            return False
        if is_absent and MAY_BE_ABSENT.fullmatch(self.member):
            return False
        if self.value == [] and NO_TOTAL.fullmatch(self.member):
            return (self.member == "data" and "total_count" in body) or bool(body.get("next_offset"))
        if self.value in ({}, "") and MAY_BE_ABSENT.fullmatch(self.member):
            return type(present) is not type(self.value)
        return True


def faults(job: str) -> st.SearchStrategy[Fault]:
    """Draw a fault in the answers to a job's plugins."""
    members = [(answer, member) for answer, names in MEMBERS[job].items() for member in names]
    return st.builds(
        lambda where, value, after, item, stays: Fault(where[0], where[1], value, after, item, stays),
        st.sampled_from(members),
        st.sampled_from(VALUES),
        st.sampled_from([0, 0, 1]),
        st.integers(0, 4),
        st.booleans(),
    )


def look(pipe: Pipe) -> dict[str, list[Any]]:
    """Return the records of Intercom and ChartMogul with their values, without the ids that the vendors assign."""
    workspace = pipe.sandbox.world.intercom
    people = [
        [one.document[name] for name in ("external_id", "email", "role", "name", "custom_attributes")]
        for one in workspace.contacts.live()
    ]
    found = {"people": sorted(people, key=str)}
    for kind, names in COMPARED.items():
        url = f"{pipe.sandbox.chartmogul_url}/{kind}?per_page=200"
        entries = requests.get(url, auth=("sandbox_key", ""), timeout=30).json()["entries"]
        found[kind] = sorted(([one[name] for name in names] for one in entries), key=str)
    return found


COMPARED = {
    "customers": ("external_id", "name", "email", "website_url", "attributes"),
    "contacts": ("external_id", "customer_external_id", "email", "first_name", "custom"),
}


def live(pipe: Pipe, *, is_filled: bool) -> None:
    """If the vendor is to be filled, run once and let a month pass."""
    if is_filled:
        assert [end.code for end in pipe.run()] == [0, 0, 0]
        pipe.sandbox.advance(days=30)


@cache
def find_truth(job: str, pipes: Pipes, *, is_filled: bool) -> tuple[dict[str, list[Any]], ...]:
    """Return the records before and after a run without a fault."""
    with pipes.open(job) as pipe:
        live(pipe, is_filled=is_filled)
        before = look(pipe)
        ends = pipe.run()
        assert ([end.code for end in ends], len(ends[-1].states)) == ([0, 0, 0], 1)
        return before, look(pipe)


def check(job: str, pipes: Pipes, fault: Fault, *, is_filled: bool) -> None:
    """Run a pipe with a fault: it writes the correct records, or ends with one sentence and writes no STATE."""
    before, truth = find_truth(job, pipes, is_filled=is_filled)
    with pipes.open(job) as pipe:
        live(pipe, is_filled=is_filled)
        with pipes.changed_answers(fault.change):
            tap, transform, target = pipe.run()
        refused = [end for end in (tap, transform, target) if end.code]
        if not refused:
            assert (len(target.states), look(pipe)) == (1, truth)
            return
        assert target.states == []
        assert all(end.sentence.endswith((".", "?")) and "\n" not in end.sentence for end in refused)
        if tap.code:
            assert (transform.code, transform.lines, look(pipe)) == (1, [], before)
        assert all(end.code == 0 for end in pipe.run())
        assert look(pipe) == truth


@pytest.mark.parametrize("job", MEMBERS)
@settings(max_examples=FAULTS, derandomize="PIPE_FAULTS" not in os.environ)
@given(data=st.data(), is_filled=st.booleans())
def test_the_truth_or_one_sentence(pipes: Pipes, job: str, data: st.DataObject, is_filled: bool) -> None:  # noqa: FBT001
    """A run with a fault writes the correct records or ends in a sentence without STATE. The next run repairs it."""
    check(job, pipes, data.draw(faults(job)), is_filled=is_filled)


FOUND = {
    "a site without configurations": ("sync", Fault("GET .*/configurations", "configurations", GONE, 0, 0, stays=True)),
    "customers without an item before more": ("sync", Fault("GET .*/customers", "list", [], 0, 2, stays=True)),
}
"""Faults that this test found, by name."""


@pytest.mark.parametrize(("job", "fault"), FOUND.values(), ids=FOUND)
def test_faults_that_were_found(pipes: Pipes, job: str, fault: Fault) -> None:
    """Each fault that once failed the check of the test above passes it now."""
    check(job, pipes, fault, is_filled=False)
    assert fault.applied
