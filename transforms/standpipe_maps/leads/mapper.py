"""The mapper map-leads: Intercom's companies and contacts in, ChartMogul's customers and contacts out."""

from __future__ import annotations

from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

import singer_sdk.singerlib as singer
from singer_sdk import typing as th

from standpipe_maps.base import JoinMapper
from standpipe_maps.leads import rules, store
from standpipe_maps.leads.records import CUSTOMER_NOTES, ODD, ContactShape, CustomerShape, customer, person
from standpipe_maps.leads.schema import CONTACT_FIELDS, CUSTOMER_FIELDS, contacts_schema, customers_schema
from standpipe_maps.leads.sending import Record, Sender
from standpipe_maps.leads.settings import SETTINGS, check_settings, contact_shape, customer_shape
from standpipe_maps.persons import PersonColumns
from standpipe_maps.settings import common_settings, read_defaults
from standpipe_maps.summary import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject
    from standpipe_maps.leads.attributes import Attribute
    from standpipe_maps.leads.models import Company, Contact
    from standpipe_maps.protocol import Missing

KEEP: Mapping[str, Callable[[store.LeadsStore, Sequence[bytes]], None]] = {
    "companies": store.LeadsStore.keep_companies,
    "contacts": store.LeadsStore.keep_contacts,
}
KEY = ["external_id"]
BY_CUSTOMER = "contact and customer"
"""What the external ids of contacts in a store are made of."""
COUNTED = (
    "customers",
    "customers_out",
    "contacts",
    "contacts_out",
    "shadowed",
    "contacts_without_company",
    "left_company",
    "contacts_deleted",
    *CUSTOMER_NOTES,
)


class MapLeads(JoinMapper):
    """Singer mapper: Intercom's companies as ChartMogul's customers, their people as the customers' contacts."""

    name = "map-leads"
    streams = frozenset(KEEP)
    people: ClassVar[Mapping[str, Sequence[str]]] = {"contacts": ("id", "email")}
    joined = frozenset({"companies", "contacts"})
    person_columns = PersonColumns(
        records=store.CONTACTS,
        named_by=(store.CONTACTS.c.id, store.LINKS.c.contact_id, store.SENT_CONTACTS.c.contact_id),
        sent_as=(store.SENT_CONTACTS.c.external_id, store.SENT_CONTACTS.c.previous),
    )
    tables = store.TABLES
    migrations = store.MIGRATIONS

    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        *common_settings(resend="changed", streams=KEEP), *SETTINGS
    ).to_dict()

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        check_settings(self.config)
        self.notes = Notes(ODD | {"left_company"})

    @classmethod
    def build_facts(cls) -> JsonObject:
        """Return the defaults, and the fields of each stream that is made with their source in Intercom."""
        streams = {"customers": CUSTOMER_FIELDS, "contacts": CONTACT_FIELDS}
        return {
            "defaults": read_defaults(cls.config_jsonschema),
            "fields": {
                stream: [{"name": name, "description": text, "source": source} for name, _, text, source in fields]
                for stream, fields in streams.items()
            },
        }

    @property
    def needed(self) -> Iterable[tuple[str, ...]]:
        """Both streams."""
        return [(stream,) for stream in sorted(KEEP)]

    def begin(self) -> None:
        """Open the book."""
        self.leads = store.LeadsStore(self.store, self.generation, self.config["customer_id_field"])
        if self.store.recall("contact_ids") != BY_CUSTOMER:
            self.leads.rename_contacts(deletes=self.config["on_unlinked"] == "delete")
            self.store.remember("contact_ids", BY_CUSTOMER)

    def map_schema_message(self, message_dict: dict[str, Any]) -> Iterable[singer.Message]:
        """Take note of a stream, and refuse settings that it does not fit."""
        yield from super().map_schema_message(message_dict)
        shapes = {"companies": self._customer_shape, "contacts": self._contact_shape}
        if message_dict["stream"] in shapes:
            shapes[message_dict["stream"]]()

    def keep(self, stream: str, records: Sequence[bytes]) -> None:
        """Put records into the book."""
        KEEP[stream](self.leads, records)

    def _customer_shape(self) -> CustomerShape:
        return customer_shape(self.config, self.schemas.get("companies", {}))

    def _contact_shape(self) -> ContactShape:
        return contact_shape(self.config, self.schemas.get("contacts", {}))

    def find_missing(self, began: int, *, new: bool) -> Missing:
        """Return the companies of users that are older than the run; of leads alone, Intercom lists no company."""
        self.leads.link()
        return self.leads.find_missing_companies(began, new=new)

    def fingerprint(self) -> Any:
        """The attributes, with their types."""
        return [_typed(self._customer_shape().customs), _typed(self._contact_shape().customs)]

    def derived(self, since: int | None) -> Iterator[singer.Message]:
        """The SCHEMA and the RECORDs of customers, then those of contacts."""
        self.leads.link()
        if "contacts" in self.whole:
            self.leads.count_absences()
        shape, people = self._customer_shape(), self._contact_shape()
        sender = Sender(self.leads, since, self.now, deletes=people.deletes, note=self.notes.take)
        yield singer.SchemaMessage("customers", customers_schema(shape), KEY)
        for page in self._customers(shape):
            yield from (singer.RecordMessage("customers", record) for record in sender.customers(page))
        yield singer.SchemaMessage("contacts", contacts_schema(people), KEY)
        for pairs in self._contacts(people):
            yield from (singer.RecordMessage("contacts", record) for record in sender.contacts(pairs))

    def _customers(self, shape: CustomerShape) -> Iterator[Sequence[Record]]:
        """Every customer, a page at a time."""
        ahead = self._winners()
        while page := list(islice(ahead, store.PAGE)):
            speakers = self.leads.speakers([external_id for external_id, _ in page])
            yield [self._customer(key, company, speakers.get(key), shape) for key, company in page]

    def _customer(self, key: str, company: Company, speaker: Contact | None, shape: CustomerShape) -> Record:
        record, notes = customer(company, key, speaker, shape)
        for note in ("customers", *notes):
            self.notes.take(note, company.id)
        return record

    def _winners(self) -> Iterator[tuple[str, Company]]:
        """Of companies with one external id the newest."""
        for key, group in groupby(self.leads.companies(), key=itemgetter(0)):
            (_, company), *others = group
            self.notes.counts["shadowed"] += len(others)
            yield key, company

    def _contacts(self, shape: ContactShape) -> Iterator[Mapping[str, Sequence[Record]]]:
        """Every contact's records, one a customer, by Intercom's id, a page at a time."""
        for page in self.leads.contacts():
            known = self.leads.employers({company for contact, _ in page for company in contact.company_ids})
            yield {contact.id: () if gone else self._pairs(contact, known, shape) for contact, gone in page}
            self.notes.counts["people_gone"] += sum(gone for _, gone in page)

    def _pairs(self, contact: Contact, known: Mapping[str, rules.Employer], shape: ContactShape) -> Sequence[Record]:
        found = rules.employers(known[one] for one in contact.company_ids if one in known)
        if not found:
            self.notes.take("contacts_without_company", contact.id)
        customers: list[tuple[str | None, str | None]] = [(one.external_id, one.id) for one in found]
        if not found and not self.config["only_linked_contacts"]:
            customers = [(None, None)]
        record, notes = person(contact, shape) if customers else ({}, ())
        for note in (*["contacts"] * len(customers), *notes):
            self.notes.take(note, contact.id)
        return [{**_ids(contact.id, customer, company), **record} for customer, company in customers]

    def report(self, generation: int, seconds: float) -> dict[str, Any]:
        """The counts of the run; of each kind that is odd, ten ids go to the log."""
        waiting, ids = self.leads.waiting()
        self.notes.ids |= {"waiting_for_company": list(ids)} if waiting else {}
        for line in self.notes.lines():
            self.logger.warning("%s", line)
        return {
            "generation": generation,
            "seconds": seconds,
            "rows_in": {stream: self.counts[stream] for stream in sorted(self.counts)},
            **{note: self.notes.counts[note] for note in COUNTED},
            **{note: count for note in ("people_gone",) if (count := self.notes.counts[note])},
            "companies_without_id": self.leads.without_id(),
            "waiting_for_company": waiting,
        }


def _ids(contact: str, customer: str | None, company: str | None) -> dict[str, str | None]:
    """Return the ids of a contact at a customer: the earlier one had Intercom's id of the company."""
    key, before = rules.external_id(contact, customer), rules.external_id(contact, company)
    return {
        "external_id": key,
        "previous_external_id": None if before == key else before,
        "customer_external_id": customer,
    }


def _typed(attributes: Iterable[Attribute]) -> list[Any]:
    return [[one.key, one.type] for one in attributes]
