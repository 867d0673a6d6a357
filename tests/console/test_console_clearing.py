"""Clearing of the attributes that the target wrote, against the sandbox."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.api import vendors
from standpipe_console.api.client import Response
from standpipe_console.errors import ConsoleError
from standpipe_console.removal import owned_attributes

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox
    from standpipe_console.api.client import Api
    from standpipe_console.project.plugin_facts import PluginFacts


@pytest.fixture
def api(of_plugins: dict[str, dict[str, Any]], facts_of: Callable[[str], PluginFacts], sandbox: RunningSandbox) -> Api:
    """Connect to Intercom, where three users have two of the target's attributes and one of somebody else's."""
    held = sandbox.world.intercom
    for name in ("cb_cust_id", "cb_plan", "score"):
        held.attributes.create(
            {"name": name, "model": "contact", "data_type": "string"}, admin_id="1", now=held.clock.now()
        )
    users = [contact for contact in held.contacts.live() if contact.is_user][:3]
    for contact in users:
        contact.document["custom_attributes"] |= {"cb_cust_id": "c", "cb_plan": "p", "score": "9"}
    return vendors.connect_intercom(of_plugins["target-intercom"], facts_of("target-intercom"))


def count_updates(sandbox: RunningSandbox) -> int:
    """Count the updates of contacts that the sandbox received."""
    calls = sandbox.calls()["calls"]
    return sum(call["count"] for call in calls if (call["method"], call["path"]) == ("PUT", "/contacts/{id}"))


def test_only_what_is_owned_and_has_a_value_is_nulled(api: Api, sandbox: RunningSandbox) -> None:
    """One call per record clears the target's attributes. Others stay, and a second search finds nothing."""
    found = owned_attributes.find_owners(api, "contacts", "cb_")
    assert [sorted(names) for _, names in found] == [["cb_cust_id", "cb_plan"]] * 3
    assert owned_attributes.clear_attributes(api, "contacts", found) == Counter({"cleared": 3})
    assert count_updates(sandbox) == 3
    assert owned_attributes.find_owners(api, "contacts", "cb_") == []
    assert len(owned_attributes.find_owners(api, "contacts", "score")) == 3


def test_a_limit_is_waited_out_and_a_lost_write_made_again(api: Api, sandbox: RunningSandbox) -> None:
    """An update with null can safely be repeated."""
    found = owned_attributes.find_owners(api, "contacts", "cb_")
    sandbox.fault(api="intercom", method="PUT", nth=1, effect={"status": 429})
    sandbox.fault(api="intercom", method="PUT", nth=2, effect={"status": 502})
    try:
        assert owned_attributes.clear_attributes(api, "contacts", found) == Counter({"cleared": 3})
    finally:
        sandbox.clear_faults()
    assert count_updates(sandbox) == 5


def test_a_token_that_may_not_write_ends_it(api: Api, sandbox: RunningSandbox) -> None:
    """One error with Intercom's text ends the command."""
    found = owned_attributes.find_owners(api, "contacts", "cb_")
    body = {"errors": [{"code": "forbidden", "message": "No."}]}
    sandbox.fault(api="intercom", method="PUT", effect={"status": 403, "body": body})
    try:
        with pytest.raises(ConsoleError, match=r"^Intercom does not let the token write: No\.$"):
            owned_attributes.clear_attributes(api, "contacts", found)
    finally:
        sandbox.clear_faults()


@pytest.mark.parametrize(
    ("status", "headers", "attempt", "seconds"),
    [
        (429, {"Date": "Thu, 15 Jan 2026 12:00:00 GMT", "X-RateLimit-Reset": "1768478404"}, 0, 4.0),
        (429, {"Date": "Thu, 15 Jan 2026 12:00:00 GMT", "X-RateLimit-Reset": "1768478300"}, 0, 0.1),
        (429, {}, 1, 1.0),
        (503, {}, 3, 4.0),
    ],
    ids=["until the window ends", "it has ended", "no clock", "5xx"],
)
def test_waiting_is_by_the_servers_clock(status: int, headers: dict[str, str], attempt: int, seconds: float) -> None:
    """The wait follows the answer's `Date` header, as this machine's clock may be wrong."""
    assert owned_attributes.compute_wait(Response(status, {}, headers), attempt) == seconds
