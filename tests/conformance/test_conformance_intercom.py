"""Intercom's own Python client reads every list of the sandbox to the end, and every field has its declared type.

The client does not check what it reads, so each answer is dumped with warnings as errors, which does check it.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

intercom = pytest.importorskip("intercom")

from intercom.core.api_error import ApiError  # noqa: E402 - only where the client is installed
from intercom.errors import BadRequestError, NotFoundError, UnauthorizedError  # noqa: E402
from intercom.types import MultipleFilterSearchRequest, SingleFilterSearchRequest, StartingAfterPaging  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydantic import BaseModel
    from sandbox.testing import RunningSandbox

pytestmark = pytest.mark.conformance

ALL = SingleFilterSearchRequest(field="updated_at", operator=">", value=1)


@pytest.fixture
def client(sandbox: RunningSandbox) -> Iterator[Any]:
    """Yield the client of a workspace with all kinds of records."""
    sandbox.reset(customers=300)
    one = client_of(sandbox, "sandbox_token")
    yield one
    one._client_wrapper.httpx_client.httpx_client.close()  # noqa: SLF001 - the client has no close of its own


def client_of(sandbox: RunningSandbox, token: str) -> Any:
    """Return a client with the API version for which it was made."""
    return intercom.Intercom(token=token, base_url=sandbox.intercom_url, headers={"Intercom-Version": "2.14"})


def judged(answer: BaseModel) -> Any:
    """Return the answer after a check that all values have their declared types and no required field is missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dumped = answer.model_dump(mode="json", by_alias=True)
    missing = [
        name
        for name, field in type(answer).model_fields.items()
        if field.is_required() and not {name, field.alias} & dumped.keys()
    ]
    assert missing == []
    return answer


def all_judged(answers: Iterable[BaseModel]) -> list[Any]:
    """Check each of several answers, and return them."""
    return [judged(one) for one in answers]


LISTS: dict[str, Callable[[Any], Any]] = {
    "admins": lambda client: client.admins.list(),
    "one admin": lambda client: client.admins.find(admin_id=991267),
    "me": lambda client: client.admins.identify(),
    "activity logs": lambda client: client.admins.list_all_activity_logs(
        created_at_after="1768000000", created_at_before="1768478400"
    ),
    "content sources": lambda client: client.ai_content.list_content_import_sources(),
    "external pages": lambda client: client.ai_content.list_external_pages(),
    "one article": lambda client: client.articles.find(article_id=9100001),
    "calls": lambda client: client.calls.list_calls(),
    "internal articles": lambda client: client.internal_articles.list_internal_articles(),
    "news items": lambda client: client.news.items.list(),
    "newsfeeds": lambda client: client.news.feeds.list(),
    "segments": lambda client: client.segments.list(include_count=True),
    "tags": lambda client: client.tags.list(),
    "teams": lambda client: client.teams.list(),
    "subscription types": lambda client: client.subscription_types.list(),
    "ticket types": lambda client: client.ticket_types.list(),
    "ticket states": lambda client: client.ticket_states.list_ticket_states(),
    "data attributes": lambda client: client.data_attributes.list(),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_as_the_client_declares_it(client: Any, name: str) -> None:
    """Every value has its declared type, and the list is not empty."""
    dumped = judged(LISTS[name](client)).model_dump()
    assert any(value for key, value in dumped.items() if key not in ("type", "enabled"))


def test_nobody_is_kept_out(client: Any) -> None:
    """The workspace's list of allowed addresses is empty."""
    assert judged(client.ip_allowlist.get_ip_allowlist()).ip_allowlist == []


def test_away_status_reasons_are_a_bare_array(client: Any) -> None:
    """It is the only list without an envelope."""
    found = all_judged(client.away_status_reasons.list_away_status_reasons())
    assert [one.label for one in found][:2] == ["On a break", "Lunch"]


PAGERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], int]]] = {
    "contacts": (lambda client: client.contacts.list(per_page=37), lambda world: len(world.contacts)),
    "conversations": (lambda client: client.conversations.list(per_page=11), lambda world: len(world.conversations)),
    "companies": (
        lambda client: client.companies.list(per_page=7),
        lambda world: sum(1 for _ in world.visible_companies()),
    ),
    "articles": (
        lambda client: client.articles.list(per_page=9),
        lambda world: len(world.library.list_documents("articles")),
    ),
    "collections": (
        lambda client: client.help_centers.collections.list(per_page=9),
        lambda world: len(world.library.list_documents("collections")),
    ),
    "help centers": (lambda client: client.help_centers.list(), lambda _: 2),
}


@pytest.mark.parametrize("name", PAGERS)
def test_the_clients_own_pager_reads_to_the_end(client: Any, sandbox: RunningSandbox, name: str) -> None:
    """The client's own pager returns every record once."""
    pages, count = PAGERS[name]
    ids = [one.id for one in all_judged(pages(client))]
    assert (len(ids), len(set(ids))) == (count(sandbox.world.intercom),) * 2


def test_what_nobody_said_of_a_company_is_absent(client: Any, sandbox: RunningSandbox) -> None:
    """The client declares industry, size and website optional but not nullable, so empty ones are left out."""
    companies = all_judged(client.companies.list(per_page=60))
    raw = [one.model_dump(exclude_unset=True) for one in companies]
    documents = {one.id: one.document for one in sandbox.world.intercom.companies.live()}
    for one in raw:
        document = documents[one["id"]]
        for name in ("industry", "size", "website"):
            assert one.get(name) == document[name]
            assert (name in one) is (document[name] is not None)
    assert any("website" in one for one in raw)
    assert any("website" not in one for one in raw)


def test_a_scroll_ends_with_an_empty_page(client: Any, sandbox: RunningSandbox) -> None:
    """The scroll returns all companies that have users."""
    found = all_judged(client.companies.scroll())
    assert len(found) == sum(1 for _ in sandbox.world.intercom.visible_companies())


@pytest.mark.parametrize("kind", ["contacts", "conversations", "tickets"])
def test_a_search_is_paged_by_hand(client: Any, sandbox: RunningSandbox, kind: str) -> None:
    """The client's search pager never advances, so the test passes the cursor itself."""
    ids: list[str] = []
    after: str | None = None
    while True:
        page = getattr(client, kind).search(
            query=ALL, pagination=StartingAfterPaging(per_page=25, starting_after=after)
        )
        ids += [one.id for one in all_judged(page.items or [])]
        following = judged(page.response).pages.next
        if following is None:
            break
        after = following.starting_after
    assert (len(ids), len(set(ids))) == (len(getattr(sandbox.world.intercom, kind)),) * 2


def test_each_contact_and_conversation_and_ticket_reads_alone(client: Any) -> None:
    """Each is read by its id, with its tags, segments, subscriptions, companies and notes."""
    for contact in list(client.contacts.list(per_page=10))[-15:]:
        judged(client.contacts.find(contact_id=contact.id))
        for read in (
            client.contacts.list_attached_tags,
            client.contacts.list_attached_segments,
            client.contacts.list_attached_subscriptions,
        ):
            judged(read(contact_id=contact.id))
        all_judged(client.contacts.list_attached_companies(contact_id=contact.id))
        all_judged(client.notes.list(contact_id=contact.id))
    for conversation in list(client.conversations.list(per_page=150))[:25]:
        judged(client.conversations.find(conversation_id=conversation.id))
    for ticket in client.tickets.search(query=ALL).items[:10]:
        judged(client.tickets.get(ticket_id=ticket.id))


def test_each_company_reads_alone(client: Any) -> None:
    """Each is read by its id, with its contacts and segments."""
    for company in client.companies.list(per_page=15).items:
        judged(client.companies.find(company_id=company.id))
        judged(client.companies.list_attached_contacts(company_id=company.id))
        judged(client.companies.list_attached_segments(company_id=company.id))


def test_the_life_of_a_contact(client: Any) -> None:
    """Create, conflict, update, find, tag, note, merge, archive, restore and delete work."""
    user = judged(client.contacts.create(request={"role": "user", "email": "a@example.com", "external_id": "a1"}))
    with pytest.raises(ApiError) as conflict:
        client.contacts.create(request={"role": "user", "external_id": "a1"})
    assert conflict.value.status_code == 409
    assert f"id={user.id}" in conflict.value.body["errors"][0]["message"]
    assert judged(client.contacts.update(user.id, name="Ada")).name == "Ada"
    assert judged(client.contacts.show_contact_by_external_id(external_id="a1")).id == user.id
    both = MultipleFilterSearchRequest(
        operator="AND",
        value=[
            SingleFilterSearchRequest(field="email", operator="=", value="a@example.com"),
            SingleFilterSearchRequest(field="role", operator="=", value="user"),
        ],
    )
    assert [one.id for one in all_judged(client.contacts.search(query=both).items)] == [user.id]
    tag = judged(client.tags.create(request={"name": "Judged"}))
    assert judged(client.tags.tag_contact(contact_id=user.id, tag_id=tag.id)).name == "Judged"
    judged(client.notes.create(contact_id=user.id, body="A note", admin_id="991267"))
    lead = judged(client.contacts.create(request={"role": "lead", "name": "Lin"}))
    merged = client.contacts.merge_lead_in_user(lead_id=lead.id, contact_id=user.id)
    assert judged(merged).id == user.id
    with pytest.raises(ApiError) as gone:
        client.contacts.find(contact_id=lead.id)
    assert gone.value.status_code == 404
    assert judged(client.contacts.archive(contact_id=user.id)).archived is True
    assert judged(client.contacts.unarchive(contact_id=user.id)).archived is False
    assert judged(client.contacts.delete(contact_id=user.id)).deleted is True


def test_the_life_of_a_company(client: Any) -> None:
    """Create, update, attach, detach and delete work."""
    user = client.contacts.create(request={"role": "user", "email": "a@example.com"})
    company = judged(client.companies.create_or_update(request={"company_id": "j1", "name": "Judge"}))
    assert judged(client.companies.attach_contact(user.id, company_id=company.id)).id == company.id
    assert judged(client.companies.retrieve(company_id="j1")).user_count == 1
    assert judged(client.companies.detach_contact(user.id, company.id)).user_count == 0
    assert judged(client.companies.delete(company_id=company.id)).deleted is True


def test_the_life_of_a_custom_object(client: Any, sandbox: RunningSandbox) -> None:
    """Create, change, read and delete an instance work."""
    sandbox.object_type("Subscription", {"plan": "string"}, reference="cb_subscriptions")
    objects, kind = client.custom_object_instances, "Subscription"
    made = judged(objects.create_custom_object_instances(kind, external_id="s1", custom_attributes={"plan": "basic"}))
    changed = judged(objects.create_custom_object_instances(kind, external_id="s1", custom_attributes={"plan": "pro"}))
    assert (changed.id, changed.custom_attributes) == (made.id, {"plan": "pro"})
    assert judged(objects.get_custom_object_instances_by_external_id(kind, external_id="s1")).id == made.id
    assert judged(objects.get_custom_object_instances_by_id(kind, made.id)).external_id == "s1"
    user = client.contacts.create(request={"role": "user", "email": "a@example.com"})
    client.contacts.update(user.id, custom_attributes={"cb_subscriptions": [made.id]})
    assert judged(objects.delete_custom_object_instances_by_id(kind, external_id="s1")).deleted is True


@pytest.mark.parametrize(
    ("call", "kind", "code"),
    [
        (lambda client: client.contacts.find(contact_id="none"), ApiError, "not_found"),
        (lambda client: client.companies.find(company_id="none"), NotFoundError, "company_not_found"),
        (lambda client: client.conversations.find(conversation_id="1"), NotFoundError, "not_found"),
        (lambda client: client.tags.find(tag_id="1"), NotFoundError, "tag_not_found"),
        (lambda client: client.admins.find(admin_id=1), NotFoundError, "admin_not_found"),
        (lambda client: client.teams.find(team_id="1"), NotFoundError, "team_not_found"),
        (lambda client: client.data_attributes.list(model="nobody"), ApiError, "parameter_invalid"),
        (lambda client: client.companies.create_or_update(request={"name": "x"}), BadRequestError, "parameter_missing"),
        (lambda client: client.contacts.create(request={"name": "x"}), ApiError, "parameter_missing"),
    ],
    ids=["contact", "company", "conversation", "tag", "admin", "team", "model", "company id", "nobody"],
)
def test_an_error_is_typed_as_the_client_types_it(
    client: Any, call: Callable[[Any], Any], kind: type[ApiError], code: str
) -> None:
    """It has the client's class if there is one, and always the vendor's code."""
    with pytest.raises(kind) as caught:
        call(client)
    body = caught.value.body
    errors = body["errors"] if isinstance(body, dict) else [one.model_dump() for one in body.errors]
    assert errors[0]["code"] == code


def test_a_wrong_token_is_unauthorized(sandbox: RunningSandbox) -> None:
    """The first call fails."""
    one = client_of(sandbox, "wrong")
    with pytest.raises(UnauthorizedError):
        one.admins.list()
    one._client_wrapper.httpx_client.httpx_client.close()  # noqa: SLF001 - the client has no close of its own
