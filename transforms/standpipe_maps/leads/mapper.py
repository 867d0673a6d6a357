"""The mapper map-leads: Intercom's companies and contacts in, ChartMogul's customers and contacts out."""

from __future__ import annotations

from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

import singer_sdk.singerlib as singer
from singer_sdk import typing as th

from standpipe_maps._kit.marker import SUBSET
from standpipe_maps.base import JoinMapper
from standpipe_maps.leads import rules, store
from standpipe_maps.leads.records import (
    CUSTOMER_NOTES,
    ODD,
    ContactOptions,
    CustomerOptions,
    build_contact,
    build_customer,
)
from standpipe_maps.leads.schema import CONTACT_FIELDS, CUSTOMER_FIELDS, build_contacts_schema, build_customers_schema
from standpipe_maps.leads.sending import Record, Sender
from standpipe_maps.leads.settings import SETTINGS, check_settings, read_contact_options, read_customer_options
from standpipe_maps.leads.tables import FORM, PERSON_COLUMNS
from standpipe_maps.settings import list_common_settings, read_defaults
from standpipe_maps.summary import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.leads.models import Company, Contact
    from standpipe_maps.protocol import Missing

KEEP: Mapping[str, Callable[[store.LeadsStore, Sequence[bytes]], None]] = {
    "companies": store.LeadsStore.keep_companies,
    "contacts": store.LeadsStore.keep_contacts,
}
KEY = ["external_id"]
BY_CUSTOMER = "contact and customer"
"""The form of contacts' external ids in a store, see ``LeadsStore.rename_contacts``."""
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
    core_streams = frozenset({"companies", "contacts"})
    person_columns = PERSON_COLUMNS
    form = FORM

    config_jsonschema: ClassVar[JsonObject] = th.PropertiesList(
        *list_common_settings(resend="changed", streams=KEEP), *SETTINGS
    ).to_dict()

    def __init__(self, **arguments: JsonValue) -> None:
        super().__init__(**arguments)
        check_settings(self.config)
        self.notes = Notes(ODD | {"left_company"})

    @classmethod
    def build_facts(cls) -> JsonObject:
        """Return the defaults, and the fields of each derived stream with their source in Intercom."""
        streams = {"customers": CUSTOMER_FIELDS, "contacts": CONTACT_FIELDS}
        return {
            "defaults": read_defaults(cls.config_jsonschema),
            "fields": {
                stream: [{"name": name, "description": text, "source": source} for name, _, text, source in fields]
                for stream, fields in streams.items()
            },
        }

    @property
    def join_streams(self) -> Iterable[tuple[str, ...]]:
        """Return both streams."""
        return [(stream,) for stream in sorted(KEEP)]

    def prepare_store(self) -> None:
        """Open the rows. Rows with an earlier form of external id are renamed once."""
        self.leads = store.LeadsStore(self.store, self.generation, self.config["customer_id_field"])
        if self.store.read_value("contact_ids") != BY_CUSTOMER:
            self.leads.rename_contacts(deletes=self.config["on_unlinked"] == "delete")
            self.store.write_value("contact_ids", BY_CUSTOMER)

    def map_schema_message(self, message_dict: dict[str, Any]) -> Iterable[singer.Message]:
        """Store the schema of a stream, and check that the settings fit it."""
        yield from super().map_schema_message(message_dict)
        check = {"companies": self._read_customer_options, "contacts": self._read_contact_options}
        if message_dict["stream"] in check:
            check[message_dict["stream"]]()

    def keep_records(self, stream: str, records: Sequence[bytes]) -> None:
        """Store records."""
        KEEP[stream](self.leads, records)

    def _read_customer_options(self) -> CustomerOptions:
        return read_customer_options(self.config, self.schemas.get("companies", {}))

    def _read_contact_options(self) -> ContactOptions:
        return read_contact_options(self.config, self.schemas.get("contacts", {}))

    def find_missing(self, began: int, *, new: bool) -> Missing:
        """Return the missing companies of users. Intercom does not list a company that has only leads."""
        self.leads.link_contacts()
        return self.leads.find_missing_companies(began, new=new)

    def build_fingerprint(self) -> JsonValue:
        """Return the attributes with their types."""
        options = (self._read_customer_options(), self._read_contact_options())
        return [[[one.key, one.type] for one in each.customs] for each in options]

    def derive_messages(self, since: int | None) -> Iterator[singer.Message]:
        """Yield the SCHEMA and the RECORDs of customers, then those of contacts."""
        # This run knows nothing new about the others. What they need since the last plain run is left to the next plain
        # run.
        touched = self.leads.find_touched() if self.is_subset else store.Touched()
        self.leads.link_contacts()
        if "contacts" in self.whole_streams and not self.is_subset:
            self.leads.count_absences()
        customers, contacts = self._read_customer_options(), self._read_contact_options()
        sender = Sender(self.leads, since, self.now, deletes=contacts.deletes, note=self.notes.count_record)
        mark = {SUBSET: True} if self.is_subset else {}
        yield singer.SchemaMessage("customers", {**build_customers_schema(customers), **mark}, KEY)
        for page in self._build_customers(customers, touched.customers):
            yield from (singer.RecordMessage("customers", record) for record in sender.select_customers(page))
        yield singer.SchemaMessage("contacts", {**build_contacts_schema(contacts), **mark}, KEY)
        for records in self._build_contacts(contacts, touched.contacts):
            yield from (singer.RecordMessage("contacts", record) for record in sender.select_contacts(records))

    def _build_customers(
        self, options: CustomerOptions, external_ids: Sequence[str] | None
    ) -> Iterator[Sequence[Record]]:
        """Yield every customer, or only those with some external ids, a page at a time."""
        companies = self._choose_companies(external_ids)
        # One query finds the representatives of a page of companies.
        while page := list(islice(companies, store.PAGE)):
            speakers = self.leads.find_speakers([key for key, _ in page])
            records = []
            for key, company in page:
                record, notes = build_customer(company, key, speakers.get(key), options)
                records.append(record)
                for note in ("customers", *notes):
                    self.notes.count_record(note, company.id)
            yield records

    def _choose_companies(self, external_ids: Sequence[str] | None) -> Iterator[tuple[str, Company]]:
        """Yield the newest of the companies with the same external id."""
        for key, group in groupby(self.leads.read_companies(external_ids), key=itemgetter(0)):
            (_, company), *others = group
            self.notes.counts["shadowed"] += len(others)
            yield key, company

    def _build_contacts(
        self, options: ContactOptions, contact_ids: Sequence[str] | None
    ) -> Iterator[Mapping[str, Sequence[Record]]]:
        """Yield the records of every contact, or of some, by Intercom's id, one per customer, a page at a time."""
        for page in self.leads.read_contacts(contact_ids):
            known = self.leads.find_customers({company for contact, _ in page for company in contact.company_ids})
            oldest = self.leads.find_oldest_companies(set(known.values()))
            yield {
                contact.id: () if gone else self._build_contact_records(contact, known, oldest, options)
                for contact, gone in page
            }
            self.notes.counts["people_gone"] += sum(gone for _, gone in page)

    def _build_contact_records(
        self, contact: Contact, known: Mapping[str, str], oldest: Mapping[str, str], options: ContactOptions
    ) -> Sequence[Record]:
        # Companies with the same external id are one customer.
        found = dict.fromkeys(known[one] for one in contact.company_ids if one in known)
        if not found:
            self.notes.count_record("contacts_without_company", contact.id)
        customers: list[tuple[str | None, str | None]] = [(one, oldest[one]) for one in found]
        if not found and not self.config["only_linked_contacts"]:
            # The contact is sent without a customer, for targets that accept such contacts.
            customers = [(None, None)]
        record, notes = build_contact(contact, options) if customers else ({}, ())
        for note in (*["contacts"] * len(customers), *notes):
            self.notes.count_record(note, contact.id)
        return [{**_build_ids(contact.id, customer, company), **record} for customer, company in customers]

    def build_summary(self, generation: int, seconds: float) -> JsonObject:
        """Return the counts of the run. For each kind of odd record, ten ids are logged."""
        waiting, ids = self.leads.find_waiting()
        self.notes.ids |= {"waiting_for_company": list(ids)} if waiting else {}
        for line in self.notes.format_lines():
            self.logger.warning("%s", line)
        return {
            "generation": generation,
            "seconds": seconds,
            "rows_in": {stream: self.counts[stream] for stream in sorted(self.counts)},
            **{note: self.notes.counts[note] for note in COUNTED},
            **{note: count for note in ("people_gone",) if (count := self.notes.counts[note])},
            "companies_without_id": self.leads.count_without_id(),
            "waiting_for_company": waiting,
        }


def _build_ids(contact: str, customer: str | None, company: str | None) -> dict[str, str | None]:
    """Return the ids of a contact of one customer.

    Earlier versions sent it with Intercom's id of the company. If several companies share an external id, it is the id
    of the oldest one. So it depends neither on their order nor on which of them the contact left.
    """
    key, before = rules.make_external_id(contact, customer), rules.make_external_id(contact, company)
    return {
        "external_id": key,
        "previous_external_id": None if before == key else before,
        "customer_external_id": customer,
    }
