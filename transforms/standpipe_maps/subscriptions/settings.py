"""The settings of map-subscriptions, and their meaning for a record."""

from __future__ import annotations

from singer_sdk import typing as th

from standpipe_maps.subscriptions import rules
from standpipe_maps.subscriptions.moments import MOMENTS
from standpipe_maps.subscriptions.money import ZERO_DECIMAL
from standpipe_maps.subscriptions.subscription_objects import SETTING

FIELD = th.StringType(pattern=r"^(id|company|cf_.+)$")
NAMES = th.ArrayType(th.StringType)
ON_LEFT_OUT, ON_RENAMED = "on_left_out", "on_renamed"
SETTINGS = (
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
        "moments",
        th.ArrayType(th.StringType(allowed_values=list(MOMENTS))),
        description="What happens in Chargebee and is sent to Intercom as data events. Needs the stream `events`.",
    ),
    th.Property(
        SETTING,
        th.StringType(pattern=r"^[A-Za-z][A-Za-z0-9 _-]*$"),
        description="The custom object of Intercom that shows every subscription, by its name there, such as "
        "Subscription. If not set, none does.",
    ),
    th.Property(
        "only_customers",
        th.StringType,
        description="Which customers take part: an expression over their fields and attributes, as in `sub_status in "
        "['active', 'in_trial']`. If not set, all.",
    ),
    th.Property(
        ON_LEFT_OUT,
        th.StringType(allowed_values=["keep", "clear"]),
        default="keep",
        description="What Intercom shows for a customer that `only_customers` leaves out: what was written before, or "
        "nothing.",
    ),
    th.Property(
        "attributes",
        th.CustomType({"type": ["object", "null"]}),
        description="Changes to the attributes: a JSON object with, for each name, false (it is left out), another "
        "name, or an expression that computes it.",
    ),
    th.Property(
        ON_RENAMED,
        th.StringType(allowed_values=["keep", "clear"]),
        default="keep",
        description="What Intercom shows under the name of an attribute that is renamed or left out: what was written "
        "before, or nothing.",
    ),
    th.Property(
        "report_not_sent",
        th.BooleanType,
        default=False,
        description="Name the customers that are not sent in a second stream, `not_sent`.",
    ),
)
