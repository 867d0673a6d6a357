"""The contacts of one workspace: users and leads, who is unique among them, and how to find them.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.intercom.errors import refuse
from sandbox.intercom.records import Change, lay_over
from sandbox.intercom.search import find_places
from sandbox.intercom.segments import find_segments
from sandbox.intercom.stored import Searched, Store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.intercom.search import Document, Node
    from sandbox.json_types import JsonObject, JsonValue

EMPTY: JsonObject = dict.fromkeys((
    "external_id", "role", "email", "phone", "name", "avatar", "owner_id",
    "signed_up_at", "last_seen_at", "last_replied_at", "last_contacted_at",
    "last_email_opened_at", "last_email_clicked_at", "language_override",
    "browser", "browser_language", "os",
)) | {
    "has_hard_bounced": False, "marked_email_as_spam": False, "unsubscribed_from_emails": False,
}  # fmt: skip
UNIQUE = ("external_id", "email")
MOST_HOPS = 3


class Contact(Searched):
    """One contact; `companies` are Intercom's ids of those it is attached to, oldest link first.

    `notes` are ids, oldest first, `subscriptions` what was consented to (`opt_in`, `opt_out`) by subscription type.
    """

    def __init__(self, document: JsonObject) -> None:
        super().__init__(document)
        self.companies: dict[str, None] = {}
        self.notes: tuple[str, ...] = ()
        self.subscriptions: dict[str, str] | None = None

    @property
    def is_user(self) -> bool:
        """Whether it is a user and not a lead."""
        return bool(self.document["role"] == "user")


class Contacts(Store[Contact]):
    """Contacts by id, with indexes on what they are looked up by.

    Args:
        second_user_for_new_external_id: a user with a known e-mail and a new external id is no conflict.
        search_lag: seconds by which searches lag behind writes.
    """

    def __init__(self, *, second_user_for_new_external_id: bool, search_lag: int) -> None:
        super().__init__(search_lag, "id", *UNIQUE)
        self._second_user = second_user_for_new_external_id
        self._survivors: dict[str, str] = {}

    def get(self, contact_id: str) -> Contact:
        """Return a live contact, or raise a Refusal: 404 "User Not Found", also for an archived one."""
        for one in self.live_among([contact_id]):
            return one
        raise refuse("no contact")

    def get_any(self, contact_id: str) -> Contact:
        """Return a contact, archived or not, or raise a Refusal: 404 "User Not Found"."""
        if contact_id not in self._by_id:
            raise refuse("no contact")
        return self._by_id[contact_id]

    def peek(self, contact_id: str) -> Contact | None:
        """Return a contact, archived or not, or None."""
        return self._by_id.get(contact_id)

    def find_survivor(self, contact_id: str) -> str | None:
        """Return the contact into which a contact was merged, over at most three merges, or None."""
        found = None
        for _ in range(MOST_HOPS):
            contact_id = self._survivors.get(contact_id, "")
            found = contact_id or found
        return found

    def retire(self, lead: Contact, survivor: Contact) -> None:
        """Hide a merged lead."""
        self.delete(lead)
        self._survivors[lead.id] = survivor.id

    def find_user(self, external_id: str) -> Contact:
        """Return the live user with this external id without lag, or raise a 404 Refusal."""
        for one in self.live_among(self._index.find("external_id", external_id)):
            if one.is_user:
                return one
        raise refuse("no contact")

    def create(self, document: JsonObject, source: str) -> Contact:
        """Add a contact with a complete document; refuse a taken external id or e-mail with 409."""
        if document["role"] == "user":
            other_user = document["external_id"] is not None and self._second_user
            self._refuse_doubles(document, ("external_id",) if other_user else UNIQUE)
        return self._add(Contact(document), source)

    def update(self, contact: Contact, values: JsonObject, at: int, source: str) -> None:
        """Change values, and move `updated_at` if something changed; refuse another user's id or e-mail with 409."""
        before, after = contact.document, lay_over(contact.document, values)
        if after["role"] == "user":
            was_lead = before["role"] != "user"
            changed = [name for name in UNIQUE if was_lead or _differs(name, before[name], after[name])]
            self._refuse_doubles(after, changed)
        super().update(contact, values, at, source)

    def set_archived(self, contact: Contact, *, archived: bool, at: int, source: str) -> None:
        """Archive or restore a contact; searches show this at once."""
        contact.history.append(Change(at, source, "archived", contact.archived, archived))
        contact.archived = archived
        self._orders.clear()

    def read(self, document: Document, field: str) -> JsonValue:
        """Return a document's value by the field's full name; segments are computed."""
        if field == "segment_id":
            return [one.id for one in find_segments("contact", document)]
        return super().read(document, field)

    def _find_candidates(self, query: Node) -> Iterable[Contact]:
        """Return all possible matches: from an index if there is one, else all contacts."""
        served = find_places(query, self._index.count)
        if served is None:
            return list(self._by_id.values())
        ids = {found: None for field, value in served for found in self._index.find(field, value)}
        # A lagging search sees older documents than the index, so that recently changed ones are tested as well.
        return [self._by_id[one] for one in ids | self._unsettled]

    def index_custom(self, field: str) -> None:
        """Add an index on a custom attribute when it is first searched by."""
        if field not in self._index:
            self._index.add_field(field, (one.document for one in self._by_id.values()))

    def _refuse_doubles(self, document: Document, names: Iterable[str]) -> None:
        """Refuse values that another user has; leads are not unique."""
        for name in names:
            doubles = [self._by_id[one] for one in self._index.find(name, document[name]) if one != document["id"]]
            # A live user is named before an archived one.
            doubles = sorted((one for one in doubles if one.is_user), key=lambda one: one.archived)
            if doubles:
                subject = "An archived contact" if doubles[0].archived else "A contact"
                raise refuse("conflict", subject=subject, contact_id=doubles[0].id)


def _differs(name: str, before: JsonValue, after: JsonValue) -> bool:
    if name == "email" and isinstance(before, str) and isinstance(after, str):
        return before.lower() != after.lower()
    return bool(before != after)
