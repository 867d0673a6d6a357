"""The mapper map-subscriptions: Chargebee's rows in, one truthful record a customer out."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import singer_sdk.singerlib as singer
from singer_sdk import typing as th

from standpipe_maps.base import JoinMapper
from standpipe_maps.errors import Refusal
from standpipe_maps.settings import common_settings
from standpipe_maps.subscriptions import ledger, rules
from standpipe_maps.subscriptions.extras import collisions, extra_attributes
from standpipe_maps.subscriptions.records import NOTES, ODD, UNFIT, Candidate, Derived, Shape, derive, winners
from standpipe_maps.subscriptions.schema import ATTRIBUTES, company_fields, contact_fields, stream_schema
from standpipe_maps.summary import Notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FIELD = th.StringType(pattern=r"^(id|company|cf_.+)$")
NAMES = th.ArrayType(th.StringType)


class MapSubscriptions(JoinMapper):
    """Singer mapper: Chargebee's customers, subscriptions and invoices as Intercom's contacts or companies."""

    name = "map-subscriptions"
    streams = frozenset(ledger.STREAMS)
    tables = ledger.TABLES
    migrations = ledger.MIGRATIONS

    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        *common_settings(resend="all"),
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
    ).to_dict()

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        if problem := next(collisions(self.config), None):
            raise Refusal(problem)
        self.notes = Notes(ODD)

    @property
    def needed(self) -> Iterable[tuple[str, ...]]:
        """The three streams of the join, and one that has the plans' names when they are shown."""
        names = [("item_prices", "plans")] if self.config["plan_name"] == "name" else []
        return [("customers",), ("subscriptions",), ("invoices",), *names]

    def begin(self) -> None:
        """Open the ledger; match values that were reckoned under other settings are reckoned anew."""
        match = [self.config["match_on"], self.match_field, self.plugin_version]
        self.ledger = ledger.Ledger(self.store, self.generation, self._match_value)
        if self.store.recall("match", match) != match:
            self.ledger.match_again()
        self.store.remember("match", match)

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
        ledger.STREAMS[stream](self.ledger, stream, records)

    def fingerprint(self) -> Any:
        """Whether MRR is estimated, the plans' names that are shown, and which further fields there are."""
        extras = [attribute.name for attribute in extra_attributes(self.config, self.schemas)]
        return [self._estimates(), self._plan_names(), extras]

    def _plan_names(self) -> Mapping[str, str]:
        return self.ledger.names() if self.config["plan_name"] == "name" else {}

    def _estimates(self) -> bool:
        return bool(self.config["estimate_mrr"]) and not self.ledger.has_mrr()

    def derived(self, since: int | None) -> Iterator[singer.Message]:
        """The SCHEMA of the stream and one RECORD a customer that is not shadowed."""
        shape = self._shape()
        schema = stream_schema(shape.fields, shape.attributes)
        yield singer.SchemaMessage(self.stream, schema, ["customer_id"])
        for one in self._records(shape, since):
            self._note(one)
            yield singer.RecordMessage(self.stream, one.record)

    def _shape(self) -> Shape:
        config = self.config
        return Shape(
            fields=company_fields(config["company_id_field"], config["company_name_field"])
            if self.stream == "companies"
            else contact_fields(config["user_id_field"], config["company_id_field"]),
            attributes=[
                one._replace(name=config["attribute_prefix"] + one.name)
                for one in ATTRIBUTES + extra_attributes(config, self.schemas)
            ],
            base_currency=config["mrr_currency"] == "base",
            estimate_mrr=self._estimates(),
            plan_names=self._plan_names(),
        )

    def _records(self, shape: Shape, since: int | None) -> Iterator[Derived]:
        ahead = self._winners(since)
        while page := list(islice(ahead, ledger.PAGE)):
            invoices = self.ledger.invoices([one.owner.customer["id"] for one in page])
            for one in page:
                yield derive(one, invoices.get(one.owner.customer["id"], ()), shape)

    def _winners(self, since: int | None) -> Iterator[Candidate]:
        for one, shadowed in winners(self.ledger.owners(since)):
            self.notes.counts["shadowed"] += shadowed
            yield one

    def _note(self, one: Derived) -> None:
        self.notes.counts["customers_out"] += 1
        for note in one.notes:
            self.notes.take(note, one.record["customer_id"])

    def report(self, generation: int, seconds: float) -> dict[str, Any]:
        """The counts of the run; of each kind that is odd, ten ids go to the log."""
        waiting, ids = self.ledger.waiting()
        self.notes.ids |= {"waiting_for_customer": list(ids)} if waiting else {}
        for line in self.notes.lines():
            self.logger.warning("%s", line)
        return {
            "generation": generation,
            "seconds": seconds,
            "rows_in": {stream: self.counts[stream] for stream in sorted(self.counts)},
            **{note: self.notes.counts[note] for note in ("customers_out", "shadowed", *NOTES, UNFIT)},
            "waiting_for_customer": waiting,
        }
