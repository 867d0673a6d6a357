"""Unknown parameters and body fields of every ChartMogul operation are ignored, at any depth."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.chartmogul.api import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.conftest import ChartMogulCaller

MORE = {"shoe_size": 44}
TYPED = [{"type": "Integer", "key": "seats", "value": 3, "source": "Intercom"}]
FIRST = {"first_name": "Ada", "email": "ada@example.com", "external_id": "first"}
CONTACT = {"first_name": "Ada", "custom": [{"key": "nps_score", "value": 9}]}
BODIES: dict[str, dict[str, Any]] = {
    "GET /ping": {},
    "GET /account": {},
    "GET /data_sources": {},
    "POST /data_sources": {"name": "Another"},
    "GET /data_sources/{source}": {},
    "DELETE /data_sources/{source}": {},
    "DELETE /data_sources/{source}/all": {},
    "POST /data_sources/{source}/json_imports": {"external_id": "i-2", "customers": [{"external_id": "co-9"}]},
    "GET /data_sources/{source}/json_imports/{import}": {},
    "GET /customers": {},
    "POST /customers": {
        "data_source_uuid": "{source}", "external_id": "co-8", "company": "Acorn",
        "attributes": {"tags": ["a"], "custom": TYPED}, "primary_contact": FIRST,
    },
    "GET /customers/{customer}": {},
    "PATCH /customers/{customer}": {"company": "Acorn", "attributes": {"tags": ["a"]}, "primary_contact": FIRST},
    "DELETE /customers/{customer}": {},
    "GET /customers/search": {},
    "POST /customers/merges": {"from": {"customer_uuid": "{customer}"}, "into": {"customer_uuid": "{other}"}},
    "POST /customers/unmerges": {"customer_uuid": "{merged}", "data_source_uuid": "{source}", "external_id": "co-3"},
    "GET /customers/{customer}/attributes": {},
    "POST /customers/{customer}/attributes/custom": {"custom": TYPED},
    "PUT /customers/{customer}/attributes/custom": {"custom": {"known": {"value": "x", "source": "Intercom"}}},
    "DELETE /customers/{customer}/attributes/custom": {"custom": ["known"]},
    "POST /customers/{customer}/attributes/tags": {"tags": ["b"]},
    "DELETE /customers/{customer}/attributes/tags": {"tags": ["b"]},
    "POST /customers/attributes/custom": {"email": "co-1@example.com", "custom": TYPED},
    "POST /customers/attributes/tags": {"email": "co-1@example.com", "tags": ["b"]},
    "GET /contacts": {},
    "POST /contacts": CONTACT | {"customer_uuid": "{customer}", "data_source_uuid": "{source}"},
    "GET /contacts/{contact}": {},
    "PATCH /contacts/{contact}": CONTACT,
    "DELETE /contacts/{contact}": {},
    "POST /contacts/{contact}/merge/{second}": {},
    "GET /customers/{customer}/contacts": {},
    "POST /customers/{customer}/contacts": CONTACT | {"data_source_uuid": "{source}"},
}  # fmt: skip
"""For each operation, a body that succeeds; words in braces stand for ids."""
OWNERS = {"/data_sources/{uuid}": "{source}", "/contacts/{uuid}": "{contact}", "/customers/{uuid}": "{customer}"}
READS = ("GET /data_sources", "GET /customers", "GET /contacts")


def named(operation: Any) -> str:
    """Return the operation's name as it is written in the table."""
    path = operation.path.replace("{into}/merge/{from}", "{contact}/merge/{second}").replace("/{id}", "/{import}")
    for start, word in OWNERS.items():
        path = path.replace(start, start.replace("{uuid}", word))
    return f"{operation.method} {path}"


def prepared(caller: ChartMogulCaller) -> dict[str, str]:
    """Reset to the same small account, and return the id for each placeholder."""
    caller.sandbox.reset(customers=0, chartmogul_requests_per_second=10**9, chartmogul_async_calls=0)
    source = caller.source()
    one, other, merged, gone = (
        caller.customer(source, f"co-{number}", email=f"co-{number}@example.com") for number in range(1, 5)
    )
    caller.ok(f"POST /customers/{one}/attributes/custom", {"custom": [{"type": "String", "key": "known", "value": ""}]})
    sides = {"from": {"customer_uuid": gone}, "into": {"customer_uuid": merged}}
    caller.ok("POST /customers/merges", sides)
    contact, second = (caller.contact(customer_uuid=one, data_source_uuid=source) for _ in range(2))
    batch = {"external_id": "i-1", "customers": [{"external_id": "co-7"}]}
    number = caller.ok(f"POST /data_sources/{source}/json_imports", batch)["id"]
    caller.settle()
    words = ("source", "customer", "other", "merged", "contact", "second", "import")
    return dict(zip(words, (source, one, other, merged, contact, second, number), strict=True))


def filled(value: Any, ids: dict[str, str]) -> Any:
    """Return the value with placeholders in braces replaced by ids."""
    if isinstance(value, dict):
        return {name: filled(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, ids) for one in value]
    return value.format_map(ids) if isinstance(value, str) else value


def with_more(value: Any) -> Any:
    """Return the body with one unknown field added to every object."""
    if isinstance(value, dict):
        return {name: with_more(one) for name, one in value.items()} | deepcopy(MORE)
    return [with_more(one) for one in value] if isinstance(value, list) else value


def told(caller: ChartMogulCaller, operation: str, *, more: bool) -> Iterator[Any]:
    """Yield the reply to an operation in a fresh account, then the lists of the account afterwards."""
    ids = prepared(caller)
    query = "email=co-1@example.com" if operation.endswith("/search") else ""
    body = filled(BODIES[operation], ids)
    call = f"{operation.format_map(ids)}?{query}" + ("&shoe_size=44&shoe_size[is]=44" if more else "")
    answer = caller(call, with_more(body) if more else body)
    yield answer.status_code, answer.text
    caller.settle()
    yield from (caller.ok(read) for read in READS)


def test_every_operation_has_a_row() -> None:
    """Every operation has a row in the table."""
    assert sorted(BODIES) == sorted(map(named, OPERATIONS))


@pytest.mark.parametrize("operation", BODIES)
def test_what_is_not_known_changes_nothing(chartmogul: ChartMogulCaller, operation: str) -> None:
    """With unknown parameters and fields, the reply and the account afterwards are the same as without them."""
    plain = list(told(chartmogul, operation, more=False))
    assert plain[0][0] < 300, plain[0]
    assert list(told(chartmogul, operation, more=True)) == plain


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("PATCH /customers/{customer}", {"overrides": MORE}),
        ("PATCH /customers/{customer}", {"overrides": {"attributes": {"custom": MORE}}}),
        ("PATCH /contacts/{contact}", {"overrides": MORE}),
        ("POST /customers/{customer}/attributes/custom", {"custom": TYPED, "overrides": MORE}),
        ("POST /customers/{customer}/attributes/custom", {"custom": [{"key": "a", "value": 1, "type": "Shoe"}]}),
        ("GET /customers/{customer}?attributes_with_history=shoe_size", None),
        ("GET /customers?status=Barefoot", None),
        ("GET /customers/search?shoe_size=44", None),
    ],
    ids=["override", "override of an attribute", "override of a contact", "override of attributes", "type", "history",
         "status", "search"],
)  # fmt: skip
def test_what_the_vendor_looks_at_is_refused(chartmogul: ChartMogulCaller, call: str, body: Any) -> None:
    """Unknown overrides, history fields, types and statuses are refused, and so is a search without an e-mail."""
    ids = prepared(chartmogul)
    assert chartmogul.refused(call.format_map(ids), body)[0] in (400, 422)
