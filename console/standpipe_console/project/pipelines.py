"""The pipelines, as data: what each consists of, needs, and must agree in. Nothing else names a plugin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Key:
    """A secret of a plugin, as the variable in `.env` that holds it."""

    plugin: str
    setting: str
    api: str
    words: str  #: what it is called where it is made

    @property
    def variable(self) -> str:
        """The environment variable that Meltano reads the setting from."""
        return variable(self.plugin, self.setting)


@dataclass(frozen=True)
class Agreement:
    """A setting of the map from which one of the target's follows.

    `follows` is by the map's value the target's setting and the value that it must have. None: the target's `same` is
    the same as the map's.
    """

    setting: str
    follows: Mapping[str, tuple[str, str]] | None = None
    same: str = ""

    def wanted(self, value: str) -> tuple[str, str]:
        """The target's setting, and what it must be."""
        return self.follows[value] if self.follows is not None else (self.same, value)


@dataclass(frozen=True)
class Pipeline:
    """A tap, a map and a target, with the job that runs them and the system that they write to."""

    job: str
    system: str  #: what `unlink` calls it
    title: str
    tap: str
    map: str
    target: str
    preview: str  #: the mapping that keeps nothing
    rehearsal: str  #: the loader that writes nothing when its mode says so
    nobody: Mapping[str, Any]  #: a record of the first stream that nobody has, for a rehearsal
    inherited: tuple[str, ...]  #: plugins that share the settings of these
    table: str  #: that only this map's stores have
    streams: tuple[str, ...]  #: that the map needs
    keys: tuple[Key, ...]
    subset: Mapping[str, str] = field(default_factory=dict)  #: by what has an id, the variable that takes some ids
    agreements: tuple[Agreement, ...] = ()
    typed: tuple[str, ...] = ()  #: settings of the map that can only be read with the tap's own schemas
    shipped: Mapping[str, frozenset[str]] = field(default_factory=dict)  #: settings that meltano.yml comes with

    @property
    def plugins(self) -> tuple[str, str, str]:
        """The three plugins that have settings."""
        return self.tap, self.map, self.target

    @property
    def report_dir_variable(self) -> str:
        """The variable of the folder of the target's reports."""
        return variable(self.target, "report_dir")

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What the variables of all its settings begin with."""
        return tuple(f"{prefix(plugin)}_" for plugin in self.plugins)

    def state_id(self, environment: str) -> str:
        """What Meltano calls the state of its job."""
        return f"{environment}:{self.tap}-to-{self.target}"

    def owns(self, state_id: str) -> bool:
        """Whether a state is that of this pipeline, of its trial or validation, in any environment."""
        name = state_id.split(":", 1)[-1].split(":", 1)[0]
        sides = {f"{tap}-to-{target}" for tap in self._kin(self.tap) for target in self._kin(self.target)}
        return name in sides

    def _kin(self, plugin: str) -> Iterator[str]:
        yield plugin
        yield from (one for one in self.inherited if one.startswith(f"{plugin}-"))


def prefix(plugin: str) -> str:
    """A plugin's name as Meltano writes it in the names of variables."""
    return plugin.replace("-", "_").upper()


def variable(plugin: str, setting: str) -> str:
    """The environment variable of a setting."""
    return f"{prefix(plugin)}_{setting.upper()}"


SYNC = Pipeline(
    job="sync",
    system="intercom",
    title="Chargebee to Intercom",
    tap="tap-chargebee",
    map="map-subscriptions",
    target="target-intercom",
    preview="preview",
    rehearsal="target-intercom-validate",
    # `.invalid` is nobody's domain (RFC 2606).
    nobody={"id": "standpipe-doctor", "email": "doctor@standpipe.invalid", "company": "standpipe-doctor"},
    inherited=("tap-chargebee-validate", "tap-chargebee-trial", "target-intercom-validate", "target-intercom-trial"),
    table="subscriptions",
    streams=("customers", "subscriptions", "invoices"),
    keys=(
        Key("tap-chargebee", "api_key", "chargebee", "Chargebee API key"),
        Key("target-intercom", "access_token", "intercom", "Intercom access token"),
    ),
    subset={"customer": "TAP_CHARGEBEE_CUSTOMER_IDS"},
    agreements=(
        Agreement(
            "match_on",
            {
                "email": ("match_contacts_on", "email"),
                "user_id": ("match_contacts_on", "external_id"),
                "company_id": ("match_companies_on", "company_id"),
                "company_name": ("match_companies_on", "name"),
            },
        ),
        Agreement("attribute_prefix", same="owned_prefix"),
    ),
    typed=("extra_customer_fields", "extra_subscription_fields"),
)
LEADS = Pipeline(
    job="sync-leads",
    system="chartmogul",
    title="Intercom to ChartMogul",
    tap="tap-intercom",
    map="map-leads",
    target="target-chartmogul",
    preview="leads-preview",
    rehearsal="target-chartmogul",
    nobody={"id": "standpipe-doctor", "company_id": "standpipe-doctor", "name": "standpipe-doctor", "updated_at": 1},
    inherited=("target-chartmogul-merge-report",),
    table="companies",
    streams=("companies", "contacts"),
    keys=(
        Key("tap-intercom", "access_token", "intercom", "Intercom access token"),
        Key("target-chartmogul", "api_key", "chartmogul", "ChartMogul API key"),
    ),
    subset={"company": "TAP_INTERCOM_COMPANY_IDS", "contact": "TAP_INTERCOM_CONTACT_IDS"},
    typed=("company_attributes", "contact_attributes"),
    shipped={"tap-intercom": frozenset({"reread_every", "scroll_every", "send_unchanged"})},
)
PIPELINES = (SYNC, LEADS)
SYSTEMS = {pipeline.system: pipeline for pipeline in PIPELINES}

#: What a plugin takes when a setting is not set, where the console asks for it or compares it.
DEFAULTS: dict[tuple[str, str], Any] = {
    ("map-subscriptions", "match_on"): "email",
    ("map-subscriptions", "user_id_field"): "id",
    ("map-subscriptions", "company_id_field"): "id",
    ("map-subscriptions", "company_name_field"): "company",
    ("map-subscriptions", "attribute_prefix"): "cb_",
    ("map-subscriptions", "extra_customer_fields"): [],
    ("map-subscriptions", "extra_subscription_fields"): [],
    ("target-intercom", "region"): "us",
    ("target-intercom", "match_contacts_on"): "email",
    ("target-intercom", "match_companies_on"): "company_id",
    ("target-intercom", "owned_prefix"): "cb_",
    ("target-intercom", "on_match"): "update_owned",
    ("target-intercom", "on_no_match"): "skip",
    ("target-intercom", "on_lead"): "skip",
    ("target-intercom", "create_cancelled"): False,
    ("map-leads", "customer_id_field"): "company_id",
    ("map-leads", "company_attributes"): [],
    ("map-leads", "contact_attributes"): [],
    ("tap-intercom", "region"): "us",
    ("target-chartmogul", "data_source_name"): "Intercom leads",
}

#: The attributes that map-subscriptions makes of every customer, without their prefix.
ATTRIBUTES = (
    "cust_id",
    "signed_up_at",
    "cust_status",
    "cust_auto_collect",
    "card_expired_at",
    "payment_type",
    "cust_mrr",
    "cust_mrr_cur",
    "cust_unpaid_amt",
    "cust_unpaid_cur",
    "company_name",
    "sub_plan_name",
    "sub_plan_interval",
    "sub_plan_price",
    "sub_plan_quantity",
    "sub_plan_currency",
    "sub_status",
    "sub_created_at",
    "sub_activated_at",
    "sub_trial_start_at",
    "sub_trial_end_at",
    "sub_cur_term_start_at",
    "sub_cur_term_end_at",
    "sub_next_bill_at",
    "sub_cancelled_at",
    "sub_cancel_reason",
    "first_rec_inv_amt",
    "first_rec_inv_cur",
    "first_rec_inv_at",
    "latest_rec_inv_amt",
    "latest_rec_inv_cur",
    "latest_rec_inv_at",
)
