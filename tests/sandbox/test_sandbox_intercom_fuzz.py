"""Whatever its body and query, every operation succeeds or returns an error in Intercom's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox.intercom.api import OPERATIONS

if TYPE_CHECKING:
    from tests.sandbox.conftest import IntercomCaller


@pytest.fixture
def lively(intercom: IntercomCaller) -> IntercomCaller:
    """Return a workspace that has records of every kind."""
    intercom.sandbox.reset(customers=60, rate_limit_per_window=1_000_000)
    return intercom


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.sampled_from((
    "id", "name", "tags", "body", "type", "message_type", "admin_id", "users", "companies", "query", "field",
    "operator", "value", "pagination", "per_page", "starting_after", "sort", "order", "from", "into", "contacts",
    "consent_type",
    "comment", "note", "close", "snoozed", "assignment", "admin", "user", "991267", "updated_at", "=", ">", "AND", "IN",
    "ticket_type_id", "1201", "ticket_attributes", "conversation_ids", "assignee_id", "snoozed_until", "open", "role",
    "email", "external_id", "company_id", "custom_attributes", "model", "data_type", "untag",
    "event_name", "metadata", "price_date", "amount", "currency", "intercom_user_id",
))  # fmt: skip
BODIES = st.dictionaries(WORDS, WORDS | JSON | st.dictionaries(WORDS, WORDS | JSON, max_size=3), max_size=5) | JSON
QUERIES = st.dictionaries(
    WORDS | st.sampled_from(("page", "display_as", "created_at_after")), st.text(max_size=6), max_size=2
)


@pytest.mark.fuzz
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(operation=st.sampled_from(OPERATIONS), body=BODIES, query=QUERIES, data=st.data())
def test_no_input_breaks_the_api(
    lively: IntercomCaller, operation: Any, body: Any, query: dict[str, str], data: st.DataObject
) -> None:
    """Any input is answered with a 200 or with a refusal in the vendor's shape, never with a 500."""
    workspace = lively.workspace
    ids = [
        next((one.id for one in store.live()), "none")
        for store in (workspace.contacts, workspace.companies, workspace.conversations, workspace.tickets)
    ]
    path = operation.path
    for name in ("id", "tag_id", "company_id", "subscription_id", "external_id"):
        path = path.replace(f"{{{name}}}", data.draw(st.sampled_from((*ids, "7500001", "121", "none", "1"))))
    response = lively(f"{operation.method} {path}?{urlencode(query)}", body, **{"Intercom-Version": "2.16"})
    if response.status_code not in {200, 202}:
        assert 400 <= response.status_code < 500, response.text
        answer = response.json()
        assert answer["type"] == "error.list"
        assert all({"code", "message"} <= one.keys() for one in answer["errors"])
