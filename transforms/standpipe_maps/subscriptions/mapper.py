"""The mapper map-subscriptions, which joins Chargebee's rows into one record per customer."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

import singer_sdk.singerlib as singer
from singer_sdk import typing as th

from standpipe_maps import protocol
from standpipe_maps._kit.errors import UserError
from standpipe_maps._kit.marker import SUBSET
from standpipe_maps.base import JoinMapper
from standpipe_maps.expressions.checker import find_names, parse_expression
from standpipe_maps.messages import open_spool
from standpipe_maps.settings import list_common_settings, read_defaults
from standpipe_maps.subscriptions import (
    customer_filter,
    moments,
    not_sent,
    own_attributes,
    rules,
    store,
    subscription_objects,
)
from standpipe_maps.subscriptions.attributes import (
    ATTRIBUTES,
    CREATED_BY,
    Attribute,
    build_schema,
    list_company_fields,
    list_contact_fields,
    name_type,
)
from standpipe_maps.subscriptions.expression_names import list_names
from standpipe_maps.subscriptions.extra_fields import find_collisions, make_extra_attributes
from standpipe_maps.subscriptions.facts import FactOptions
from standpipe_maps.subscriptions.inspection import INSPECT
from standpipe_maps.subscriptions.models import MISSING_MEMBER, ODD_VALUE
from standpipe_maps.subscriptions.records import (
    FAILED,
    NOTES,
    ODD,
    UNFIT,
    DerivedRecord,
    RecordOptions,
    choose_winners,
    derive_record,
    make_candidate,
)
from standpipe_maps.subscriptions.settings import SETTINGS
from standpipe_maps.subscriptions.tables import FORM, INVOICES, PERSON_COLUMNS, SUBSCRIPTIONS
from standpipe_maps.summary import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.protocol import Missing
    from standpipe_maps.store import Store
    from standpipe_maps.subscriptions.expression_names import NamedValue
    from standpipe_maps.subscriptions.own_attributes import OwnAttributes
    from standpipe_maps.subscriptions.records import Candidate


SENT_ATTRIBUTES = "sent_attributes"
"""The name in the store of the attributes that are or were sent, with their schemas."""


class MapSubscriptions(JoinMapper):
    """Singer mapper: Chargebee's customers, subscriptions and invoices as Intercom's contacts or companies."""

    name = "map-subscriptions"
    streams = frozenset(store.STREAMS)
    people: ClassVar[Mapping[str, Sequence[str]]] = {
        "customers": ("id", "email"),
        "subscriptions": ("customer_id",),
        "invoices": ("customer_id",),
    }
    core_streams = frozenset({"customers", "subscriptions", "invoices"})
    person_columns = PERSON_COLUMNS
    commands = (INSPECT,)
    form = FORM

    config_jsonschema: ClassVar[JsonObject] = th.PropertiesList(
        *list_common_settings(resend="all", streams=store.STREAMS), *SETTINGS
    ).to_dict()

    def __init__(self, **arguments: JsonValue) -> None:
        super().__init__(**arguments)
        if problem := next(find_collisions(self.config), None):
            raise UserError(problem)
        if self.chosen_moments and self.stream == "companies":
            raise UserError(
                "`moments` are events of people, and `match_on` is about companies: set it to email or user_id, or "
                "leave `moments` out."
            )
        if self.object_type and self.stream == "companies":
            raise UserError(
                "`subscription_objects` are shown with people, and `match_on` is about companies: set it to email or "
                "user_id, or leave `subscription_objects` out."
            )
        self.notes = Notes(ODD)
        self.totals: JsonObject = {}
        self._sends_all = False

    @classmethod
    def find_setting_problems(cls, config: Mapping[str, JsonValue]) -> list[str]:
        """Return one sentence for each expression that is wrong with any schema."""
        return [
            *customer_filter.find_problem(config.get(customer_filter.SETTING)),
            *own_attributes.find_problems(config.get(own_attributes.SETTING) or {}),
        ]

    @classmethod
    def build_facts(cls) -> JsonObject:
        """Return the defaults, the attributes with the default prefix, and the reasons for not sending a customer."""
        defaults = read_defaults(cls.config_jsonschema)
        return {
            "defaults": defaults,
            "attributes": [
                {
                    "name": f"{defaults['attribute_prefix']}{one.name}",
                    "type": name_type(one),
                    "description": one.description,
                    "source": one.source,
                }
                for one in (*ATTRIBUTES, CREATED_BY)
            ],
            "reasons": {**not_sent.REASONS, **not_sent.FILTER_REASONS},
            "moments": [
                {
                    "name": name,
                    "event_name": one.event_name,
                    "event_types": list(one.event_types),
                    "description": one.description,
                }
                for name, one in moments.MOMENTS.items()
            ],
            "object_attributes": [
                {"name": one.name, "type": name_type(one), "description": one.description, "source": one.source}
                for one in subscription_objects.FIELDS
            ],
        }

    @property
    def join_streams(self) -> Iterable[tuple[str, ...]]:
        """The three streams of the join, the plans' names if they are shown, and the events if they are moments."""
        names = [("item_prices", "plans")] if self.config["plan_name"] == "name" else []
        marker = protocol.parse_marker(self._final_state)
        # A run over some customers may get no events.
        events = [(moments.STREAM,)] if self.chosen_moments and not (marker and marker.subset) else []
        return [("customers",), ("subscriptions",), ("invoices",), *names, *events]

    def map_schema_message(self, message_dict: JsonObject) -> Iterable[singer.Message]:
        """Store the schema of a stream, and check the expressions when everything that they can name is known."""
        messages = super().map_schema_message(message_dict)
        needed = {"customers", "subscriptions"} if self.config["extra_subscription_fields"] else {"customers"}
        text = self.config.get(customer_filter.SETTING)
        if (self._attribute_table or text) and message_dict["stream"] in needed <= self.schemas.keys():
            # Which values the store has is known only at the end; until then, fields without a type are texts.
            extras = make_extra_attributes(
                self.config, self.schemas, lambda _, fields: {name: set() for name in fields}
            )
            names = self._list_names(extras)
            self._choose_attributes(extras, names)
            if text:
                customer_filter.check_filter(text, names)
        return messages

    def _list_names(self, extras: tuple[Attribute, ...]) -> Mapping[str, NamedValue]:
        text = self.config.get(customer_filter.SETTING)
        wanted = own_attributes.list_wanted_names(self._attribute_table)
        if text:
            wanted |= find_names(parse_expression(text))
        prefix = self.config["attribute_prefix"]
        return list_names(self.schemas.get("customers", {}), ATTRIBUTES + extras, prefix, wanted)

    @property
    def _attribute_table(self) -> JsonObject:
        table: JsonObject = self.config.get(own_attributes.SETTING) or {}
        return table

    def _choose_attributes(self, extras: tuple[Attribute, ...], names: Mapping[str, NamedValue]) -> OwnAttributes:
        prefix = self.config["attribute_prefix"]
        return own_attributes.choose_attributes(self._attribute_table, ATTRIBUTES + extras, names, prefix)

    def prepare_store(self) -> None:
        """Open the rows, and repeat the calculations that were made under other settings or rules."""
        self.billing = store.BillingStore(
            self.store, self.generation, self._compute_match_value, self.chosen_moments, self._is_erased_customer
        )
        if self.is_current(self.store):
            return
        if self.store.read_value("match") is not None:
            self.billing.recompute_rows()
        self.store.write_value("match", self._match_settings)

    def open_rows(self, opened: Store) -> None:
        """Use a store outside of a run: a current one, or a copy, which may be changed."""
        self.store, self.generation = opened, opened.generation
        self.now = int(time.time())
        self.prepare_store()

    def is_current(self, store: Store) -> bool:
        """Return whether the match values and odd members in a store were computed with these settings and rules."""
        return bool(store.read_value("match") == self._match_settings)

    @property
    def _match_settings(self) -> JsonValue:
        return [self.config["match_on"], self.match_field, rules.ROWS_VERSION]

    @property
    def match_field(self) -> str:
        """The customer field with the match value."""
        match_on: str = self.config["match_on"]
        field: str = "email" if match_on == "email" else self.config[f"{match_on}_field"]
        return field

    @property
    def stream(self) -> str:
        """The name of the stream that is sent."""
        return "companies" if self.config["match_on"].startswith("company_") else "contacts"

    @property
    def chosen_moments(self) -> Sequence[str]:
        """The moments that are sent."""
        # Without moments, the fingerprint is the same as in versions before moments existed.
        return self.config.get("moments") or ()

    @property
    def object_type(self) -> str:
        """The custom object that shows the subscriptions; empty if none does."""
        return self.config.get(subscription_objects.SETTING) or ""

    def _is_erased_customer(self, customer_id: str) -> bool:
        return customer_id in self.erased_ids or self.block_list.is_blocked(customer_id)

    def _compute_match_value(self, customer: rules.Record) -> str | None:
        return rules.compute_match_value(customer, self.config["match_on"], self.match_field)

    def keep_records(self, stream: str, records: Sequence[bytes]) -> None:
        """Store records."""
        store.STREAMS[stream](self.billing, stream, records)

    def find_missing(self, began: int, *, new: bool) -> Missing:  # noqa: ARG002 each record says how old it is
        """Return the missing customers of subscriptions and invoices that are older than the run."""
        return self.billing.find_missing_customers(began, self.erased_ids)

    def build_fingerprint(self) -> JsonValue:
        """Return the version of the rules, whether MRR is estimated, the plans' names and the extra fields' types."""
        extras = [[attribute.name, attribute.type] for attribute in self._extras]
        return [rules.ROWS_VERSION, self._is_mrr_estimated(), self._read_plan_names(), extras]

    @cached_property
    def _extras(self) -> tuple[Attribute, ...]:
        return make_extra_attributes(self.config, self.schemas, self.billing.find_value_types)

    def _read_plan_names(self) -> Mapping[str, str]:
        return self.billing.read_names() if self.config["plan_name"] == "name" else {}

    def _is_mrr_estimated(self) -> bool:
        return bool(self.config["estimate_mrr"]) and not self.billing.has_mrr()

    def derive_messages(self, since: int | None) -> Iterator[singer.Message]:
        """Yield the messages for all customers, or for changed customers and all with the same match values."""
        self.billing.forget_arrived()
        self._sends_all = since is None and not self.is_subset
        yield from self.derive_stream(self.billing.read_owners(since), self.billing.count_customers())
        yield from self._derive_moments()
        if since is None and not self.is_subset:
            self._remember_attributes()

    def _remember_attributes(self) -> None:
        """Store which attributes are or were sent, so that later runs know which ones are no longer sent."""
        known = self.store.read_value(SENT_ATTRIBUTES, {})
        # A project that changes no attributes does not need this list.
        if self._attribute_table or known:
            self.store.write_value(SENT_ATTRIBUTES, known | {one.name: dict(one.type) for one in self._own.sent})

    @cached_property
    def _names(self) -> Mapping[str, NamedValue]:
        return self._list_names(self._extras)

    @cached_property
    def _own(self) -> OwnAttributes:
        return self._choose_attributes(self._extras, self._names)

    def _list_retired(self) -> list[Attribute]:
        if self.config["on_renamed"] == "keep":
            return []
        usual = {one.name: dict(one.type) for one in ATTRIBUTES + self._extras}
        return own_attributes.list_retired(self.store.read_value(SENT_ATTRIBUTES, {}) | usual, self._own.sent)

    def derive_stream(self, owners: Iterable[store.Owner], customers: int) -> Iterator[singer.Message]:
        """Yield the stream with one RECORD per sent customer, then the stream with the others.

        Args:
            owners: customers in the order of their match values.
            customers: the number of all customers.
        """
        options = self._read_options()
        schema = build_schema(options.fields, options.attributes)
        if self.is_subset:
            schema[SUBSET] = True
        with ExitStack() as files:
            losers, winners = (files.enter_context(open_spool(self.spool_dir)) for _ in range(2))
            text = self.config.get(customer_filter.SETTING)
            left_out = files.enter_context(open_spool(self.spool_dir)) if text else None
            clears = bool(text) and self.config["on_left_out"] == "clear"
            # Without these rows, the target would not know what to clear.
            is_listed = self.config["report_not_sent"] or clears
            self._others = not_sent.NotSent(
                losers if is_listed else None, winners, left_out, options.facts, clears=clears
            )
            yield singer.SchemaMessage(self.stream, schema, ["customer_id"])
            if self.object_type:
                # With `keep`, whom the filter leaves out keeps what Intercom shows.
                yield self._build_object_schema(is_whole=self._sends_all and (not text or clears))
            for record, notes, objects in self._derive_records(options, owners):
                key = record["customer_id"]
                self.notes.count_record("customers_out", key)
                for note, members in notes:
                    self.notes.count_record(note, f"{key} ({members})" if members else key)
                yield singer.RecordMessage(self.stream, record)
                for each in objects:
                    self.notes.count_record(subscription_objects.STREAM, each["subscription_id"])
                    yield singer.RecordMessage(subscription_objects.STREAM, each)
            self.totals = self._others.compute_totals(customers, self.notes.counts["customers_out"])
            if is_listed:
                yield from self._others.build_messages(self.totals)

    def _build_object_schema(self, *, is_whole: bool) -> singer.Message:
        prefix = self.config["attribute_prefix"]
        schema = subscription_objects.build_schema(self.object_type, prefix, is_whole=is_whole)
        return singer.SchemaMessage(subscription_objects.STREAM, schema, ["subscription_id"])

    def _derive_moments(self) -> Iterator[singer.Message]:
        """Yield the stream of moments, even an empty one: its SCHEMA says which moments are chosen, and since when."""
        if not self.chosen_moments:
            return
        read_at = protocol.get_bookmarks(self._final_state).get(moments.STREAM, {}).get("read_at")
        schema = moments.build_schema(self.chosen_moments, read_at if isinstance(read_at, int) else self.now)
        if self.is_subset:
            schema[SUBSET] = True
        yield singer.SchemaMessage(moments.STREAM, schema, ["event_id"])
        self.billing.settle_moments(self._confirmed, self.now)
        # A run over some customers matches no contact for what earlier runs have left.
        for record in self.billing.read_moments(self._committed if self.is_subset else self._confirmed):
            self.notes.count_record("moments", record["event_id"])
            yield singer.RecordMessage(moments.STREAM, record)

    def _read_options(self) -> RecordOptions:
        config, prefix = self.config, self.config["attribute_prefix"]
        fields = (
            list_company_fields(config["company_id_field"], config["company_name_field"])
            if self.stream == "companies"
            else list_contact_fields(config["user_id_field"], config["company_id_field"])
        )
        return RecordOptions(
            # The target decides by some attributes, so it gets them beside the others if they are left out.
            fields=[*fields, *(one._replace(name=prefix + one.name) for one in self._own.hidden)],
            attributes=[one._replace(name=prefix + one.name) for one in (*self._own.sent, *self._list_retired())],
            facts=self.read_fact_options(),
            with_objects=bool(self.object_type),
        )

    def read_fact_options(self) -> FactOptions:
        """Return the settings for facts."""
        config = self.config
        return FactOptions(
            base_currency=config["mrr_currency"] == "base",
            estimate_mrr=self._is_mrr_estimated(),
            zero_decimal=frozenset(config["zero_decimal_currencies"]),
            plan_names=self._read_plan_names(),
            now=datetime.fromtimestamp(self.now, UTC),
        )

    def _derive_records(self, options: RecordOptions, owners: Iterable[store.Owner]) -> Iterator[DerivedRecord]:
        candidates = self.filter_customers(map(make_candidate, owners), self._others.add_left_out, options.facts)
        winners = choose_winners(candidates, self._others.add_loser, self._others.add_winner)
        # One query reads the invoices of a whole page of customers.
        while page := list(islice(winners, store.PAGE)):
            invoices = self.billing.read_invoices([one.owner.customer["id"] for one in page])
            for one in page:
                yield derive_record(one, invoices.get(one.owner.customer["id"], ()), options)

    def filter_customers(
        self, candidates: Iterable[Candidate], leave_out: Callable[[Candidate], None], options: FactOptions
    ) -> Iterable[Candidate]:
        """Return the customers that take part, and call ``leave_out`` with the others."""
        text = self.config.get(customer_filter.SETTING)
        if not text:
            return candidates
        expression = customer_filter.check_filter(text, self._names)
        chosen = customer_filter.CustomerFilter(expression, self._names, self.billing.read_invoices, options)
        return chosen.choose(candidates, leave_out, self._note_failed_filter)

    def _note_failed_filter(self, customer_id: str, why: str) -> None:
        self.notes.count_record(FAILED, f"{customer_id} ({customer_filter.SETTING}: {why})")

    def _count_rows_without_owner(self) -> int:
        """Count the rows without a customer; return the number of those whose customer may still come."""
        for table, label in ((SUBSCRIPTIONS, "subscription"), (INVOICES, "invoice")):
            count, ids = self.billing.find_without_owner(table)
            self.notes.count_many(MISSING_MEMBER, count, [f"{label} {key}: customer_id" for key in ids])
        waiting, ids = self.billing.find_waiting()
        self.notes.count_many("waiting_for_customer", waiting, ids)
        return waiting

    def build_summary(self, generation: int, seconds: float) -> JsonObject:
        """Return the counts of the run. For each kind of odd record, ten ids are logged."""
        waiting = self._count_rows_without_owner()
        for line in self.notes.format_lines():
            self.logger.warning("%s", line)
        return {
            "generation": generation,
            "seconds": seconds,
            "rows_in": {stream: self.counts[stream] for stream in sorted(self.counts)},
            "customers": self.totals["customers"],
            "customers_out": self.totals["sent"],
            "shadowed": sum(self.totals["not_sent"].values()),
            **self.totals["not_sent"],
            "unchanged": self.totals["unchanged"],
            **{note: self.notes.counts[note] for note in (*NOTES, UNFIT, ODD_VALUE, MISSING_MEMBER)},
            **({FAILED: self.notes.counts[FAILED]} if self.notes.counts[FAILED] else {}),
            "waiting_for_customer": waiting,
            **({"moments": self.notes.counts["moments"]} if self.chosen_moments else {}),
            **({name: self.notes.counts[name]} if self.object_type and (name := subscription_objects.STREAM) else {}),
        }
