"""One Intercom workspace: its contacts, companies, links between them, data attributes and limits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import chain
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.intercom import companies, contacts, conversations
from sandbox.intercom.attributes import Attributes
from sandbox.intercom.companies import Companies, Company, Scroll
from sandbox.intercom.contacts import Contact, Contacts
from sandbox.intercom.errors import Refusal, company_not_found
from sandbox.intercom.library import Library
from sandbox.intercom.limits import Window
from sandbox.intercom.notes import Notes
from sandbox.intercom.records import Change
from sandbox.intercom.tags import Tags
from sandbox.intercom.threads import Thread
from sandbox.intercom.ticket_store import make_ticket_store
from sandbox.intercom.topics import company_topics, contact_topics
from sandbox.intercom.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.clock import Clock
    from sandbox.intercom.records import Record
    from sandbox.intercom.tags import Tag
    from sandbox.intercom.threads import Threads
    from sandbox.intercom.webhooks import Subscription
    from sandbox.settings import Settings

TOKEN = "sandbox_token"  # noqa: S105 - the public key of a sandbox
APP_ID = "sandboxws"
REGION = "US"
COMPANIES_A_CONTACT = 1000


class Workspace(ABC):
    """Everything Intercom knows. The business clock stamps what is written; ids come from the settings' seed."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.app_id = APP_ID
        self.zone = _zone(settings.intercom_timezone)
        self.attributes = Attributes()
        self.contacts = Contacts(
            second_user_for_new_external_id=settings.second_user_for_new_external_id, search_lag=settings.search_lag
        )
        self.contacts.watch = lambda one, old: self._tell_all(contact_topics(old, one.document), one)
        self.companies = Companies(clock.now)
        self.companies.watch = lambda one, old: self._tell_all(company_topics(old, one.document), one)
        self.tags = Tags()
        self.notes = Notes()
        self.conversations = conversations.conversations(settings.search_lag)
        self.tickets = make_ticket_store(settings.search_lag)
        self.tickets_of: dict[str, list[str]] = {}
        self.webhooks: Webhooks | None = None
        self._leaving: list[Company] = []
        self.library = Library(settings.seed, clock.now(), APP_ID)
        self.scroll = Scroll(settings.scroll_idle)
        self.window = Window(settings.rate_limit_per_window)
        self._random = Random(f"intercom:{settings.seed}")
        self._requests = 0

    def new_id(self) -> str:
        """An id in the form of Intercom's: 24 hexadecimal digits."""
        return f"{self._random.getrandbits(96):024x}"

    def request_id(self) -> str:
        """A number for one request, in the form of Intercom's."""
        self._requests += 1
        return f"000sandbox{self._requests:010d}"

    def new_contact(self, values: dict[str, Any], at: int) -> dict[str, Any]:
        """A whole contact document out of what was given; Intercom gives leads an external id of its own."""
        document = {"id": self.new_id(), **self.blank_contact(at)}
        if values.get("role") == "lead":
            document["external_id"] = f"{self._random.getrandbits(128):032x}"
        return document | values

    def blank_contact(self, at: int) -> dict[str, Any]:
        """A contact document without id, of which nothing is known."""
        return {**contacts.EMPTY, "created_at": at, "updated_at": at, "custom_attributes": {}}

    def new_company(self, values: dict[str, Any], at: int) -> dict[str, Any]:
        """A whole company document out of what was given."""
        document = {"id": self.new_id(), **companies.EMPTY, "created_at": at, "updated_at": at, "custom_attributes": {}}
        return document | values

    def attach(self, contact: Contact, company: Company, at: int, source: str) -> None:
        """Link the two; a link that exists already stays as it is.

        Raises:
            Refusal: 400 `contact_company_limit_exceeded` at 1,000 companies.
        """
        if company.id in contact.companies:
            return
        if len(contact.companies) >= COMPANIES_A_CONTACT:
            raise Refusal(
                400,
                "contact_company_limit_exceeded",
                f"Contact has reached the limit of {COMPANIES_A_CONTACT} companies",
            )
        contact.companies[company.id] = company.contacts[contact.id] = None
        contact.history.append(Change(at, source, "companies", None, company.document["company_id"]))
        self._tell_link("company.contact.attached", contact, company)

    def detach(self, contact: Contact, company: Company, at: int, source: str) -> None:
        """Undo the link.

        Raises:
            Refusal: 404 `company_not_found`, when there is none.
        """
        if company.id not in contact.companies:
            raise company_not_found()
        del contact.companies[company.id], company.contacts[contact.id]
        contact.history.append(Change(at, source, "companies", company.document["company_id"], None))
        self._tell_link("company.contact.detached", contact, company)

    def set_archived(self, contact: Contact, *, archived: bool, source: str) -> None:
        """Archive or restore a contact."""
        self.contacts.set_archived(contact, archived=archived, at=self.clock.now(), source=source)
        self.tell("contact.archived" if archived else "contact.unarchived", contact)

    def tag(self, record: Record, tag: Tag, at: int, source: str, *, on: bool) -> None:
        """Hang a tag on anything that bears tags, or take it off; `updated_at` moves when that changes something."""
        held: tuple[str, ...] = record.document.get("tags", ())
        if (tag.id in held) is on:
            return
        tags = (*held, tag.id) if on else tuple(one for one in held if one != tag.id)
        if isinstance(record, Contact):
            self.contacts.update(record, {"tags": tags}, at, source)
            self.tell(f"contact.{record.document['role']}.tag.{'created' if on else 'deleted'}", record)
        elif isinstance(record, Company):
            self.companies.update(record, {"tags": tags}, at, source)
        elif isinstance(record, Thread):
            self.store_of(record).write(record, at, tags=tags)

    def delete_tag(self, tag: Tag, at: int) -> None:
        """Take a tag off all that bear it, and delete it."""
        bearers = (self.contacts.live(), self.companies.live(), self.conversations.live(), self.tickets.live())
        for record in list(chain(*bearers)):
            self.tag(record, tag, at, "API", on=False)
        self.tags.remove(tag.id)

    def subscribe(self, contact: Contact, type_id: str, consent: str | None, at: int) -> None:
        """Note what a contact says to a subscription type; None forgets it. `updated_at` does not move."""
        held = contact.subscriptions or {}
        contact.subscriptions = {name: value for name, value in held.items() if name != type_id}
        if consent:
            contact.subscriptions[type_id] = consent
        contact.history.append(Change(at, "API", f"subscription {type_id}", held.get(type_id), consent))

    def heard(self, contact: Contact, at: int, source: str) -> None:
        """A contact who writes is seen and heard, and so `updated_at` moves."""
        at = max(at, contact.document["updated_at"])
        self.contacts.update(contact, {"last_replied_at": at, "last_seen_at": at}, at, source)

    def store_of(self, thread: Thread) -> Threads:
        """The store that holds a conversation or ticket."""
        return self.tickets if "ticket_id" in thread.document else self.conversations

    def companies_of(self, contact: Contact) -> list[Company]:
        """The live companies a contact is attached to."""
        return list(self.companies.live_among(contact.companies))

    def contacts_of(self, company: Company) -> list[Contact]:
        """The live contacts attached to a company."""
        return list(self.contacts.live_among(company.contacts))

    def user_count(self, company: Company) -> int:
        """How many live users are attached: a company without any is in no list."""
        return sum(one.is_user for one in self.contacts.live_among(company.contacts))

    def visible_companies(self) -> Iterator[Company]:
        """The companies that lists and scrolls show."""
        return (one for one in self.companies.live() if self.user_count(one))

    def delete_contact(self, contact: Contact) -> None:
        """Remove a contact, its notes and its links for ever."""
        for company in self.companies_of(contact):
            company.contacts.pop(contact.id, None)
        self.notes.forget(contact)
        self.contacts.delete(contact)
        self.tell("contact.deleted", contact)

    def delete_company(self, company: Company) -> None:
        """Accept a company's deletion, which takes effect some time later."""
        self.companies.delete(company, takes_effect_at=self.clock.now() + self.settings.company_delete_lag)
        self._leaving.append(company)
        self.tell_of_the_gone()

    def notify(self, subscription: Subscription | None) -> None:
        """Tell an address of every write from now on; None tells nobody."""
        if self.webhooks:
            self.webhooks.close()
        self.webhooks = Webhooks(subscription, self.app_id) if subscription else None

    def notified(self) -> dict[str, Any]:
        """Which address is told, and how the deliveries went; empty when nobody is."""
        return self.webhooks.report() if self.webhooks else {}

    @abstractmethod
    def show(self, topic: str, record: Record) -> dict[str, Any]:
        """Return what a notification of a topic holds of a record."""

    def tell(self, topic: str, record: Record) -> None:
        """Tell the webhooks, if there are any, what happened to a record."""
        if self.webhooks and self.webhooks.subscription.wants(topic):
            self.webhooks.tell(topic, self.show(topic, record), self.clock.now())

    def _tell_link(self, topic: str, contact: Contact, company: Company) -> None:
        if self.webhooks and self.webhooks.subscription.wants(topic):
            items = {name: self.show(topic, one) for name, one in (("company", company), ("contact", contact))}
            self.webhooks.tell(topic, {"type": "company.contact", **items}, self.clock.now())

    def _tell_all(self, topics: Iterable[str], record: Record) -> None:
        for topic in topics if self.webhooks else ():
            self.tell(topic, record)

    def tell_of_the_gone(self) -> None:
        """Tell of the companies whose deletion took effect."""
        for company in [one for one in self._leaving if (one.gone_at or 0) <= self.clock.now()]:
            self._leaving.remove(company)
            self.tell("company.deleted", company)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"Setting 'intercom_timezone' is a zone such as Europe/Paris, not {name!r}.") from None
