"""The mapper map-subscriptions: Chargebee's rows in, one truthful record a customer out."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import singer_sdk.singerlib as singer
from singer_sdk import typing as th

from standpipe_maps._kit.errors import UserError
from standpipe_maps.base import JoinMapper
from standpipe_maps.messages import room
from standpipe_maps.persons import PersonColumns
from standpipe_maps.settings import common_settings, read_defaults
from standpipe_maps.subscriptions import not_sent, rules, store
from standpipe_maps.subscriptions.attributes import (
    ATTRIBUTES,
    CREATED_BY,
    Attribute,
    company_fields,
    contact_fields,
    name_type,
    stream_schema,
)
from standpipe_maps.subscriptions.extra_fields import collisions, extra_attributes
from standpipe_maps.subscriptions.facts import Options
from standpipe_maps.subscriptions.inspection import INSPECT
from standpipe_maps.subscriptions.models import MISSING_MEMBER, ODD_VALUE
from standpipe_maps.subscriptions.money import ZERO_DECIMAL
from standpipe_maps.subscriptions.records import NOTES, ODD, UNFIT, Derived, Shape, choose_winners, derive
from standpipe_maps.summary import Notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject
    from standpipe_maps.protocol import Missing
    from standpipe_maps.store import Store

FIELD = th.StringType(pattern=r"^(id|company|cf_.+)$")
NAMES = th.ArrayType(th.StringType)


class MapSubscriptions(JoinMapper):
    """Singer mapper: Chargebee's customers, subscriptions and invoices as Intercom's contacts or companies."""

    name = "map-subscriptions"
    streams = frozenset(store.STREAMS)
    people: ClassVar[Mapping[str, Sequence[str]]] = {
        "customers": ("id", "email"),
        "subscriptions": ("customer_id",),
        "invoices": ("customer_id",),
    }
    joined = frozenset({"customers", "subscriptions", "invoices"})
    person_columns = PersonColumns(
        records=store.CUSTOMERS,
        named_by=(
            store.CUSTOMERS.c.id,
            store.CUSTOMERS.c.match,
            store.SUBSCRIPTIONS.c.customer_id,
            store.INVOICES.c.customer_id,
            store.ENDED.c.id,
            store.LEFT.c.match,
        ),
    )
    commands = (INSPECT,)
    tables = store.TABLES
    migrations = store.MIGRATIONS

    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        *common_settings(resend="all", streams=store.STREAMS),
        th.Property(
            "match_on",
            th.StringType(allowed_values=list(rules.MATCH_KEYS)),
            default="email",
            description="What Intercom's records are matched by; the first two mean contacts, the others companies.",
        ),
        th.Property("user_id_field", FIELD, default="id", description="Customer field that holds the user id."),
        th.Property("company_id_field", FIELD, default="id", description="Customer field that holds the company id."),
        th.Property(
            "company_name_field", FIELD, default="company", description="Customer field that holds the company's name."
        ),
        th.Property(
            "attribute_prefix",
            th.StringType(pattern="^[A-Za-z][A-Za-z0-9_-]*$"),
            default="cb_",
            description="What the attributes' names begin with; the same as the target's `owned_prefix`.",
        ),
        th.Property(
            "mrr_currency",
            th.StringType(allowed_values=["own", "base"]),
            default="own",
            description="Sums in the customer's own currency, or converted to the site's base currency.",
        ),
        th.Property(
            "zero_decimal_currencies",
            th.ArrayType(th.StringType(pattern="^[A-Z]{3}$")),
            default=sorted(ZERO_DECIMAL),
            description="Currencies without a minor unit, whose amounts are taken as they are.",
        ),
        th.Property(
            "estimate_mrr",
            th.BooleanType,
            default=False,
            description="Estimate MRR from the plan and addons when no subscription of the site carries it.",
        ),
        th.Property(
            "plan_name",
            th.StringType(allowed_values=["id", "name"]),
            default="id",
            description="Show the plan's id, or its name, which needs the stream `plans` or `item_prices`.",
        ),
        th.Property(
            "extra_customer_fields", NAMES, default=[], description="Further customer fields, by name, or `*` for all."
        ),
        th.Property(
            "extra_subscription_fields",
            NAMES,
            default=[],
            description="Further subscription fields, by name, or `*` for all.",
        ),
        th.Property(
            "report_not_sent",
            th.BooleanType,
            default=False,
            description="Name the customers that are not sent in a second stream, `not_sent`.",
        ),
    ).to_dict()

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        if problem := next(collisions(self.config), None):
            raise UserError(problem)
        self.notes = Notes(ODD)
        self.totals: dict[str, Any] = {}

    @classmethod
    def build_facts(cls) -> JsonObject:
        """Return the defaults, the attributes under the default prefix, and the reasons not to send a customer."""
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
            "reasons": not_sent.REASONS,
        }

    @property
    def needed(self) -> Iterable[tuple[str, ...]]:
        """The three streams of the join, and one that has the plans' names when they are shown."""
        names = [("item_prices", "plans")] if self.config["plan_name"] == "name" else []
        return [("customers",), ("subscriptions",), ("invoices",), *names]

    def begin(self) -> None:
        """Open the rows; what was computed of them under other settings or rules is computed anew."""
        self.billing = store.BillingStore(self.store, self.generation, self._match_value)
        if self.is_current(self.store):
            return
        if self.store.recall("match") is not None:
            self.billing.read_again()
        self.store.remember("match", self._matching)

    def open_rows(self, opened: Store) -> None:
        """Get ready to derive from a store that no run has open; only a copy of one may differ from the settings."""
        self.store, self.generation = opened, opened.generation
        self.begin()

    def is_current(self, store: Store) -> bool:
        """Return whether the match values and odd members in a store are as the settings and rules want them."""
        return bool(store.recall("match") == self._matching)

    @property
    def _matching(self) -> list[Any]:
        return [self.config["match_on"], self.match_field, rules.ROWS_VERSION]

    @property
    def match_field(self) -> str:
        """The customer field that is matched by."""
        match_on: str = self.config["match_on"]
        field: str = "email" if match_on == "email" else self.config[f"{match_on}_field"]
        return field

    @property
    def stream(self) -> str:
        """The stream that is made."""
        return "companies" if self.config["match_on"].startswith("company_") else "contacts"

    def _match_value(self, customer: rules.Record) -> str | None:
        return rules.match_value(customer, self.config["match_on"], self.match_field)

    def keep(self, stream: str, records: Sequence[bytes]) -> None:
        """Put records into the ledger."""
        store.STREAMS[stream](self.billing, stream, records)

    def find_missing(self, began: int, *, new: bool) -> Missing:  # noqa: ARG002 each record says how old it is
        """Return the customers of subscriptions and invoices that are older than the run."""
        return self.billing.find_missing_customers(began, self.erased)

    def fingerprint(self) -> Any:
        """Return the rules' version, whether MRR is estimated, the plans' names and the further fields' types."""
        extras = [[attribute.name, attribute.type] for attribute in self._extras]
        return [rules.ROWS_VERSION, self._estimates(), self._plan_names(), extras]

    @cached_property
    def _extras(self) -> tuple[Attribute, ...]:
        return extra_attributes(self.config, self.schemas, self.billing.types_of)

    def _plan_names(self) -> Mapping[str, str]:
        return self.billing.names() if self.config["plan_name"] == "name" else {}

    def _estimates(self) -> bool:
        return bool(self.config["estimate_mrr"]) and not self.billing.has_mrr()

    def derived(self, since: int | None) -> Iterator[singer.Message]:
        """Yield the messages for all customers, or for those that changed and all who share a match value."""
        return self.derive_messages(self.billing.owners(since), self.billing.count())

    def derive_messages(self, owners: Iterable[store.Owner], customers: int) -> Iterator[singer.Message]:
        """Yield the stream with one RECORD per customer that is sent, and then the one that names the others.

        Args:
            owners: customers in the order of their match values.
            customers: how many customers there are in all.
        """
        shape = self._shape()
        schema = stream_schema(shape.fields, shape.attributes)
        with ExitStack() as files:
            losers, winners = (files.enter_context(room(self.store.path.parent)) for _ in range(2))
            self._others = not_sent.NotSent(losers if self.config["report_not_sent"] else None, winners, shape.options)
            yield singer.SchemaMessage(self.stream, schema, ["customer_id"])
            for one in self._records(shape, owners):
                self._note(one)
                yield singer.RecordMessage(self.stream, one.record)
            self.totals = self._others.totals(customers, self.notes.counts["customers_out"])
            if self.config["report_not_sent"]:
                yield from self._others.messages(self.totals)

    def _shape(self) -> Shape:
        config = self.config
        return Shape(
            fields=company_fields(config["company_id_field"], config["company_name_field"])
            if self.stream == "companies"
            else contact_fields(config["user_id_field"], config["company_id_field"]),
            attributes=[one._replace(name=config["attribute_prefix"] + one.name) for one in ATTRIBUTES + self._extras],
            options=Options(
                base_currency=config["mrr_currency"] == "base",
                estimate_mrr=self._estimates(),
                zero_decimal=frozenset(config["zero_decimal_currencies"]),
                plan_names=self._plan_names(),
            ),
        )

    def _records(self, shape: Shape, owners: Iterable[store.Owner]) -> Iterator[Derived]:
        ahead = choose_winners(owners, self._others.lose, self._others.win)
        while page := list(islice(ahead, store.PAGE)):
            invoices = self.billing.invoices([one.owner.customer["id"] for one in page])
            for one in page:
                yield derive(one, invoices.get(one.owner.customer["id"], ()), shape)

    def _note(self, one: Derived) -> None:
        self.notes.counts["customers_out"] += 1
        for note, members in one.notes:
            key = one.record["customer_id"]
            self.notes.take(note, f"{key} ({members})" if members else key)

    def _note_rows(self) -> int:
        """Note the rows that are joined with nobody; return how many wait for their customer."""
        for table, label in ((store.SUBSCRIPTIONS, "subscription"), (store.INVOICES, "invoice")):
            count, ids = self.billing.without_owner(table)
            self.notes.take_some(MISSING_MEMBER, count, [f"{label} {key}: customer_id" for key in ids])
        waiting, ids = self.billing.waiting()
        self.notes.take_some("waiting_for_customer", waiting, ids)
        return waiting

    def report(self, generation: int, seconds: float) -> dict[str, Any]:
        """Return the counts of the run; of each kind that is odd, ten ids go to the log."""
        waiting = self._note_rows()
        for line in self.notes.lines():
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
            "waiting_for_customer": waiting,
        }
