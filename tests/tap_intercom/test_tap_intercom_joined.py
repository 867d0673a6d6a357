"""Contacts that join a company without a change of `updated_at`, and how often long company lists are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_intercom.state import user_counts

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

NOW = 1_768_478_400
QUARTER = 900
LEADS: dict[str, Any] = {"send_unchanged": ["companies"], "reread_every": 86_400, "scroll_every": 3600}
IDLE = {"/me": 1, "/data_attributes": 2, "/contacts/search": 1}


@pytest.fixture
def lean(catalog_of: Callable[..., Any]) -> dict[str, Any]:
    """Return the catalog for leads without tags and notes, which can cost one call per contact."""
    catalog: dict[str, Any] = catalog_of("companies", "contacts")
    for entry in [entry for stream in catalog["streams"] for entry in stream["metadata"]]:
        if entry["breadcrumb"] in (["properties", "tags"], ["properties", "notes"]):
            entry["metadata"]["selected"] = False
    return catalog


@pytest.fixture
def later(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, calls: Callable[[], dict[str, int]], lean: dict[str, Any]
) -> Any:
    """Return a function that makes the next run in a workspace without changes: `later(seconds)`."""
    state = run_tap(**LEADS).state
    sandbox.world.clock.advance(38 * 3600)
    state = run_tap(state=state, **LEADS).state
    calls()

    def run(seconds: int = QUARTER, **settings: Any) -> Any:
        nonlocal state
        sandbox.world.clock.advance(seconds)
        done = run_tap(state=state, catalog=lean, **(LEADS | settings))
        state = done.state
        return done

    return run


def test_an_idle_quarter_of_an_hour(later: Any, calls: Callable[[], dict[str, int]], sandbox: RunningSandbox) -> None:
    """Fifteen minutes later without changes, every company is sent from one scroll, for four more calls."""
    run = later()
    assert calls() == {**IDLE, "/companies/scroll": 2}
    assert len(run.records["companies"]) == len(list(sandbox.world.intercom.visible_companies()))
    assert run.records.keys() == {"companies"}
    assert run.states[-1]["_sync"]["whole"] == "companies"


def test_a_known_person_joins_a_known_company(
    later: Any, sandbox: RunningSandbox, calls: Callable[[], dict[str, int]]
) -> None:
    """When a contact joins a company, the next run sends all contacts of that company for one more call."""
    known = sandbox.world.intercom
    user = next(one for one in known.contacts.live() if one.document["role"] == "user" and not one.companies)
    company = next(known.visible_companies())
    before = {one.id for one in known.contacts_of(company)}
    known.attach(user, company, NOW, "API")
    run = later()
    found = {one["id"]: [link["id"] for link in one["companies"]["data"]] for one in run.records["contacts"]}
    assert found[user.id] == [company.id]
    assert found.keys() >= before
    assert all(company.id in links for links in found.values())
    assert calls() == {**IDLE, "/companies/scroll": 2, "/companies/{id}/contacts": 1}
    assert "contacts" not in later().records


def test_the_first_user_of_a_company_comes_an_hour_later(later: Any, sandbox: RunningSandbox) -> None:
    """A company that was hidden until its first user joined is sent together with that user."""
    known = sandbox.world.intercom
    company = known.companies.add(known.new_company({"company_id": "late", "name": "Late"}, NOW), "API")
    later()
    user = next(one for one in known.contacts.live() if one.document["role"] == "user" and not one.companies)
    known.attach(user, company, NOW, "API")
    run = later(3600)
    assert company.id in {one["id"] for one in run.records["companies"]}
    assert [one["id"] for one in run.records["contacts"]] == [user.id]


def test_somebody_leaves(later: Any, sandbox: RunningSandbox) -> None:
    """When a contact leaves a company, the next run sends the remaining ones.

    The daily read sends the contact itself.
    """
    known = sandbox.world.intercom
    company = next(one for one in known.visible_companies() if len(known.contacts_of(one)) > 1)
    leaver, *stayers = known.contacts_of(company)
    known.detach(leaver, company, NOW, "API")
    assert {one["id"] for one in later().records["contacts"]} == {one.id for one in stayers}
    assert leaver.id in {one["id"] for one in later(86_400).records["contacts"]}


def many(sandbox: RunningSandbox, count: int) -> None:
    """Fill a workspace with `count` companies that have one user each."""
    sandbox.reset(customers=0, seed=7)
    known = sandbox.world.intercom
    for row in range(count):
        contact = known.contacts.create(known.new_contact({"role": "user", "email": f"{row}@x.io"}, NOW), "API")
        company = known.companies.add(known.new_company({"company_id": f"c-{row}", "name": "Acme"}, NOW), "API")
        known.attach(contact, company, NOW, "API")


@pytest.mark.parametrize(
    ("companies", "seconds", "settings", "scrolls"),
    [
        (1001, 3599, {}, 0),
        (1001, 3600, {}, 12),
        (1001, 60, {"scroll_every": None}, 12),
        (1000, 60, {}, 11),
    ],
    ids=["long, lately read", "long, read an hour ago", "long, and nothing is set", "short"],
)
def test_a_long_list_is_not_read_each_time(  # noqa: PLR0913 one row of the table, and what runs it
    *,
    companies: int,
    seconds: int,
    settings: dict[str, Any],
    scrolls: int,
    run_tap: Callable[..., Any],
    sandbox: RunningSandbox,
    calls: Callable[[], dict[str, int]],
) -> None:
    """Between scrolls of a long list, the marker names companies with no rows and not as whole; the bookmark stays."""
    many(sandbox, companies)
    first = run_tap(**LEADS)
    sandbox.world.clock.advance(seconds)
    calls()
    second = run_tap(state=first.state, **(LEADS | settings))
    assert calls().get("/companies/scroll", 0) == scrolls
    marker = second.states[-1]["_sync"]
    assert marker["streams"] == "companies,contacts"
    assert marker["whole"] == ("companies" if scrolls else "")
    assert marker["rows"].startswith(f"companies:{companies if scrolls else 0},")
    assert (second.states[-1]["companies"]["read_at"] == NOW) is (scrolls == 0)


def test_who_joins_between_two_scrolls(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """A contact that joins between two scrolls is sent by the next run that scrolls."""
    many(sandbox, 1001)
    user = next(sandbox.world.intercom.contacts.live())
    state = run_tap(**LEADS).state
    *_, company = sandbox.world.intercom.visible_companies()
    sandbox.world.intercom.attach(user, company, NOW, "API")
    sandbox.world.clock.advance(1800)
    state = run_tap(state=state, **LEADS).state
    sandbox.world.clock.advance(1800)
    run = run_tap(state=state, **LEADS)
    assert user.id in {one["id"] for one in run.records["contacts"]}


def test_lists_of_a_contact_that_are_not_selected_are_not_asked_for(
    run_tap: Callable[..., Any], lean: dict[str, Any], calls: Callable[[], dict[str, int]]
) -> None:
    """Deselected tags and notes of contacts cost no calls."""
    record = run_tap(catalog=lean).records["contacts"][0]
    assert {"tags", "notes"}.isdisjoint(record)
    assert calls() == {**IDLE, "/companies/scroll": 2}


def test_a_run_that_follows_its_discovery(command: Any, config: dict[str, Any], calls: Any, tmp_path: Any) -> None:
    """A run with the catalog of a discovery does not request the data attributes again."""
    catalog = json.loads(command(config, "--discover").stdout)
    assert calls() == {"/data_attributes": 2}
    catalog["streams"] = [one for one in catalog["streams"] if one["tap_stream_id"] in ("companies", "contacts")]
    (tmp_path / "chosen.json").write_text(json.dumps(catalog))
    done = command(config, "--catalog", str(tmp_path / "chosen.json"))
    assert done.returncode == 0, done.stderr
    counted = calls()
    assert (counted["/me"], counted.get("/data_attributes", 0)) == (1, 0)
    (schema,) = (
        one
        for one in map(json.loads, done.stdout.splitlines())
        if one.get("stream") == "companies" and one["type"] == "SCHEMA"
    )
    customs = schema["schema"]["properties"]["custom_attributes"]
    assert customs["properties"]["seats_used"] == {"type": ["integer", "null"]}
    assert "description" not in customs


@given(companies=st.lists(st.tuples(st.text(), st.integers(0, 10_000)), max_size=50))
def test_sums_survive_a_bookmark(companies: list[tuple[str, int]]) -> None:
    """The sums of user counts are the same after encoding and decoding, and their text stays short."""
    sums = user_counts.sum_users(companies)
    assert user_counts.decode_sums(user_counts.encode_sums(sums)) == sums
    assert len(user_counts.encode_sums(sums)) < 1500


@given(company=st.text(), count=st.integers(0, 100), joined=st.integers(1, 100))
def test_whoever_joins_moves_the_sum(company: str, count: int, joined: int) -> None:
    """A contact that joins changes the sum of its company's bucket only."""
    before, now = (user_counts.sum_users([(company, users)]) for users in (count, count + joined))
    assert user_counts.find_changed_buckets(before, now) == {user_counts.find_bucket(company)}


@pytest.mark.parametrize("text", [None, "", "!", "AAAA", 7, user_counts.encode_sums([1, 2])])
def test_what_is_no_sum(text: object) -> None:
    """A text that is not an encoded sum is decoded as None."""
    assert user_counts.decode_sums(text) is None
