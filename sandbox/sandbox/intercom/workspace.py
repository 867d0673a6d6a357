"""One Intercom workspace: its contacts, companies, links between them, data attributes and limits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import chain
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.intercom import companies, contacts
from sandbox.intercom.attributes import Attributes
from sandbox.intercom.companies import Companies, Company, Scroll
from sandbox.intercom.contacts import Contact, Contacts
from sandbox.intercom.custom_objects import CustomObjects
from sandbox.intercom.data_events import DataEvents
from sandbox.intercom.errors import refuse
from sandbox.intercom.library import Library
from sandbox.intercom.limits import Window
from sandbox.intercom.records import Change
from sandbox.intercom.segments import SEGMENTS
from sandbox.intercom.threads import Thread, Threads
from sandbox.intercom.topics import find_company_topics, find_contact_topics
from sandbox.intercom.webhooks import Webhooks, write_iso_times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.clock import Clock
    from sandbox.intercom.records import Record
    from sandbox.intercom.webhooks import Subscription
    from sandbox.json_types import JsonObject
    from sandbox.settings import Settings

TOKEN = "sandbox_token"  # noqa: S105 - the public key of a sandbox
ADMIN_ID = "991267"
"""The admin who owns the access token."""
APP_ID = "sandboxws"
COMPANIES_A_CONTACT = 1000
FIRST_NOTE = 29_000_001


class Workspace(ABC):
    """All data of a workspace. The business clock gives the times; ids are drawn from the settings' seed."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.app_id = APP_ID
        self.zone = _read_zone(settings.intercom_timezone)
        self.attributes = Attributes(lists_references=settings.intercom_lists_references)
        self.custom_objects = CustomObjects(settings, self.attributes)
        self.contacts = Contacts(
            second_user_for_new_external_id=settings.second_user_for_new_external_id, search_lag=settings.search_lag
        )
        self.contacts.watch = lambda one, old: self._send_all(find_contact_topics(old, one.document), one)
        self.companies = Companies(clock.now)
        self.companies.watch = lambda one, old: self._send_all(find_company_topics(old, one.document), one)
        self.conversations = Threads("conversation", settings.search_lag)
        self.tickets = Threads("ticket", settings.search_lag)
        self.data_events = DataEvents(settings)
        self.library = Library(clock.now(), APP_ID)
        self.library.add("segments", [one.document for one in SEGMENTS])
        self.webhooks: Webhooks | None = None
        self.scroll = Scroll(settings.scroll_idle)
        self.window = Window(settings.rate_limit_per_window)
        self._leaving: list[Company] = []
        self._random = Random(f"intercom:{settings.seed}")
        self._requests = self._tags = self._notes = 0

    def make_id(self) -> str:
        """Return an id in Intercom's form: 24 hexadecimal digits."""
        return f"{self._random.getrandbits(96):024x}"

    def make_request_id(self) -> str:
        """Return an id for one request in Intercom's form."""
        self._requests += 1
        return f"000sandbox{self._requests:010d}"

    def new_contact(self, values: JsonObject, at: int) -> JsonObject:
        """Return a complete contact document; a lead gets an external id from Intercom."""
        document = {"id": self.make_id(), **self.make_blank_contact(at)}
        if values.get("role") == "lead":
            document["external_id"] = f"{self._random.getrandbits(128):032x}"
        return document | values

    def make_blank_contact(self, at: int) -> JsonObject:
        """Return a contact document without an id and without values."""
        return {**contacts.EMPTY, "created_at": at, "updated_at": at, "custom_attributes": {}}

    def new_company(self, values: JsonObject, at: int) -> JsonObject:
        """Return a complete company document."""
        document = {
            "id": self.make_id(),
            **companies.EMPTY,
            "created_at": at,
            "updated_at": at,
            "custom_attributes": {},
        }
        return document | values

    def attach(self, contact: Contact, company: Company, at: int, source: str) -> None:
        """Attach a contact to a company unless it is attached already; a contact has at most 1,000 companies."""
        if company.id in contact.companies:
            return
        if len(contact.companies) >= COMPANIES_A_CONTACT:
            raise refuse("too many companies", limit=COMPANIES_A_CONTACT)
        contact.companies[company.id] = company.contacts[contact.id] = None
        contact.history.append(Change(at, source, "companies", None, company.document["company_id"]))
        self._send_link("company.contact.attached", contact, company)

    def detach(self, contact: Contact, company: Company, at: int, source: str) -> None:
        """Detach a contact from a company, or raise a Refusal: 404 `company_not_found`, when it is not attached."""
        if company.id not in contact.companies:
            raise refuse("no company")
        del contact.companies[company.id], company.contacts[contact.id]
        contact.history.append(Change(at, source, "companies", company.document["company_id"], None))
        self._send_link("company.contact.detached", contact, company)

    def set_archived(self, contact: Contact, *, archived: bool, source: str) -> None:
        """Archive or restore a contact."""
        self.contacts.set_archived(contact, archived=archived, at=self.clock.now(), source=source)
        self.send_webhook("contact.archived" if archived else "contact.unarchived", contact)

    def name_tag(self, name: str) -> JsonObject:
        """Return the tag with this name in any letter case, created when it does not exist."""
        tags = self.library.list_documents("tags")
        found = next((one for one in tags if one["name"].lower() == name.lower()), None)
        if found is None:
            # Ids of deleted tags are not used again.
            self._tags = max([self._tags, *(int(one["id"]) for one in tags)]) + 1
            found = {"type": "tag", "id": str(self._tags), "name": name}
            self.library.add("tags", [found])
        return found

    def show_tags(self, record: Record) -> list[JsonObject]:
        """Return a record's tags, without deleted ones."""
        return self.library.find_all("tags", record.document.get("tags", ()))

    def tag(self, record: Record, tag_id: str, at: int, source: str, *, on: bool) -> None:
        """Add a tag to a record or remove it; `updated_at` moves if that changes something."""
        before = record.document.get("tags", ())
        if (tag_id in before) is on:
            return
        tags = (*before, tag_id) if on else tuple(one for one in before if one != tag_id)
        if isinstance(record, Contact):
            self.contacts.update(record, {"tags": tags}, at, source)
            self.send_webhook(f"contact.{record.document['role']}.tag.{'created' if on else 'deleted'}", record)
        elif isinstance(record, Company):
            self.companies.update(record, {"tags": tags}, at, source)
        elif isinstance(record, Thread):
            store = self.tickets if record.document["type"] == "ticket" else self.conversations
            store.write(record, at, tags=tags)

    def delete_tag(self, tag_id: str, at: int) -> None:
        """Remove a tag from all records, and delete it."""
        bearers = (self.contacts.live(), self.companies.live(), self.conversations.live(), self.tickets.live())
        for record in list(chain(*bearers)):
            self.tag(record, tag_id, at, "API", on=False)
        self._tags = max(self._tags, int(tag_id))
        self.library.remove("tags", [tag_id])

    def add_note(self, model: str, owner: Contact | Company, admin_id: str, at: int, body: str) -> JsonObject:
        """Add a note to a contact or company; `updated_at` does not move."""
        note: JsonObject = {
            "type": "note",
            "id": str(FIRST_NOTE + self._notes),
            "created_at": at,
            model: {"type": model, "id": owner.id},
            "author": self.library.find("admins", admin_id),
            "body": f"<p>{body}</p>",
        }
        self._notes += 1
        self.library.add("notes", [note])
        owner.notes = (*owner.notes, note["id"])
        return note

    def mark_heard(self, contact: Contact, at: int, source: str) -> None:
        """Record that a contact wrote, which moves `updated_at`."""
        # An earlier time in the same step does not move updated_at back.
        at = max(at, contact.document["updated_at"])
        self.contacts.update(contact, {"last_replied_at": at, "last_seen_at": at}, at, source)

    def companies_of(self, contact: Contact) -> list[Company]:
        """Return the live companies that a contact is attached to."""
        return list(self.companies.live_among(contact.companies))

    def contacts_of(self, company: Company) -> list[Contact]:
        """Return the live contacts attached to a company."""
        return list(self.contacts.live_among(company.contacts))

    def count_users(self, company: Company) -> int:
        """Return the number of live users of a company; without any it is in no list."""
        return sum(one.is_user for one in self.contacts.live_among(company.contacts))

    def visible_companies(self) -> Iterator[Company]:
        """Return the companies that lists and scrolls show."""
        return (one for one in self.companies.live() if self.count_users(one))

    def delete_contact(self, contact: Contact) -> None:
        """Delete a contact, its notes and its links."""
        for company in self.companies_of(contact):
            company.contacts.pop(contact.id, None)
        self.library.remove("notes", contact.notes)
        self.contacts.delete(contact)
        self.send_webhook("contact.deleted", contact)

    def delete_company(self, company: Company) -> None:
        """Accept a company's deletion, which takes effect later."""
        self.companies.delete(company, takes_effect_at=self.clock.now() + self.settings.company_delete_lag)
        self._leaving.append(company)
        self.send_deletions()

    def set_webhooks(self, subscription: Subscription | None) -> None:
        """Send every write to an address from now on; None sends to nobody."""
        if self.webhooks:
            self.webhooks.close()
        self.webhooks = Webhooks(subscription, self.app_id, self.settings) if subscription else None
        if self.webhooks and self.webhooks.subscription.check:
            self.webhooks.send_ping(self.clock.now())

    def report_webhooks(self) -> JsonObject:
        """Return where webhooks go, and how the deliveries went; empty when they go nowhere."""
        return self.webhooks.report() if self.webhooks else {}

    @abstractmethod
    def show(self, topic: str, record: Record) -> JsonObject:
        """Return a record's item in a notification of a topic."""

    def send_webhook(self, topic: str, record: Record) -> None:
        """Send what happened to a record, if somebody wants the topic."""
        if self.webhooks and self.webhooks.subscription.wants(topic):
            self.webhooks.send(topic, self._show_on_wire(self.show(topic, record)), self.clock.now())

    def _send_link(self, topic: str, contact: Contact, company: Company) -> None:
        if self.webhooks and self.webhooks.subscription.wants(topic):
            items = {
                name: self._show_on_wire(self.show(topic, one))
                for name, one in (("company", company), ("contact", contact))
            }
            self.webhooks.send(topic, {"type": "company.contact", **items}, self.clock.now())

    def _show_on_wire(self, item: JsonObject) -> JsonObject:
        return write_iso_times(item) if self.settings.intercom_webhook_iso_times else item

    def _send_all(self, topics: Iterable[str], record: Record) -> None:
        for topic in topics if self.webhooks else ():
            self.send_webhook(topic, record)

    def send_deletions(self) -> None:
        """Send the deletions of companies that took effect."""
        for company in [one for one in self._leaving if (one.gone_at or 0) <= self.clock.now()]:
            self._leaving.remove(company)
            self.send_webhook("company.deleted", company)


def _read_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"Setting 'intercom_timezone' is a zone such as Europe/Paris, not {name!r}.") from None
