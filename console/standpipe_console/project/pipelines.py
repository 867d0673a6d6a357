"""The pipelines as data: plugins, keys, and settings that must agree. Only this module names plugins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from standpipe_console._kit.json_types import JsonObject


@dataclass(frozen=True)
class Key:
    """A plugin's secret, stored as a variable in `.env`."""

    plugin: str
    setting: str
    api: str
    title: str  #: the vendor's name for it

    @property
    def variable(self) -> str:
        """The environment variable from which Meltano reads the setting."""
        return build_variable(self.plugin, self.setting)


@dataclass(frozen=True)
class SharedSetting:
    """A setting of the map that determines a setting of the target.

    `values` gives, for each value of the map's setting, the target's setting and the value that it must have. Without
    `values`, the target's setting `same_as` must equal the map's.
    """

    setting: str
    values: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    same_as: str = ""

    def find_counterpart(self, value: str) -> tuple[str, str]:
        """Return the target's setting, and the value that it must have."""
        return self.values[value] if self.values else (self.same_as, value)


@dataclass(frozen=True)
class Pipeline:
    """A tap, a map and a target, the job that runs them, and the target's system."""

    job: str
    system: str  #: its name on the command line
    title: str
    name: str  #: in a sentence
    writes_to: str  #: the vendor's name
    tap: str
    map: str
    target: str
    preview: str  #: the mapping without a lasting store
    dry_run_target: str  #: the loader for dry runs
    sample_record: JsonObject  #: an invented record of the first stream, for a dry run
    inherited: tuple[str, ...]  #: plugins that inherit their settings from these
    streams: tuple[str, ...]  #: the streams that the map needs
    keys: tuple[Key, ...]
    subset: Mapping[str, str] = field(default_factory=dict)  #: the variable that limits a run to some ids, by subject
    shared_settings: tuple[SharedSetting, ...] = ()
    typed_settings: tuple[str, ...] = ()  #: the map's settings with names of fields, whose types only the tap knows
    filter_setting: str = ""  #: the map's setting that leaves records out
    attributes_setting: str = ""  #: the map's setting that leaves attributes out, renames and computes them
    shipped_settings: Mapping[str, frozenset[str]] = field(default_factory=dict)  #: the settings in meltano.yml

    @property
    def plugins(self) -> tuple[str, str, str]:
        """The three plugins with settings."""
        return self.tap, self.map, self.target

    @property
    def memory_dir_variable(self) -> str:
        """The variable of the folder in which the target remembers earlier runs."""
        return build_variable(self.target, "memory_dir")

    @property
    def report_dir_variable(self) -> str:
        """The variable for the folder of the target's reports."""
        return build_variable(self.target, "report_dir")

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The prefixes of the variables for its settings."""
        return tuple(f"{build_prefix(plugin)}_" for plugin in self.plugins)

    def build_state_id(self, environment: str) -> str:
        """Return Meltano's name for the state of its job."""
        return f"{environment}:{self.tap}-to-{self.target}"

    def owns_state(self, state_id: str, environment: str) -> bool:
        """Return whether a state belongs to this pipeline, its trial or its validation, in an environment."""
        of, _, rest = state_id.partition(":")
        name = rest.split(":", 1)[0]
        taps, targets = (
            [plugin, *(one for one in self.inherited if one.startswith(f"{plugin}-"))]
            for plugin in (self.tap, self.target)
        )
        return of == environment and name in {f"{tap}-to-{target}" for tap in taps for target in targets}


def build_prefix(plugin: str) -> str:
    """Return a plugin's name in the form for variables."""
    return plugin.replace("-", "_").upper()


def build_variable(plugin: str, setting: str) -> str:
    """Return the environment variable of a setting."""
    return f"{build_prefix(plugin)}_{setting.upper()}"


SYNC = Pipeline(
    job="sync",
    system="intercom",
    title="Chargebee to Intercom",
    name="billing sync",
    writes_to="Intercom",
    tap="tap-chargebee",
    map="map-subscriptions",
    target="target-intercom",
    preview="preview",
    dry_run_target="target-intercom-validate",
    # No real address ends with `.invalid` (RFC 2606).
    sample_record={"id": "standpipe-doctor", "email": "doctor@standpipe.invalid", "company": "standpipe-doctor"},
    inherited=("tap-chargebee-validate", "tap-chargebee-trial", "target-intercom-validate", "target-intercom-trial"),
    streams=("customers", "subscriptions", "invoices"),
    keys=(
        Key("tap-chargebee", "api_key", "chargebee", "Chargebee API key"),
        Key("target-intercom", "access_token", "intercom", "Intercom access token"),
    ),
    subset={"customer": "TAP_CHARGEBEE_CUSTOMER_IDS", "event": "TAP_CHARGEBEE_EVENT_IDS"},
    shared_settings=(
        SharedSetting(
            "match_on",
            {
                "email": ("match_contacts_on", "email"),
                "user_id": ("match_contacts_on", "external_id"),
                "company_id": ("match_companies_on", "company_id"),
                "company_name": ("match_companies_on", "name"),
            },
        ),
        SharedSetting("attribute_prefix", same_as="owned_prefix"),
    ),
    typed_settings=("extra_customer_fields", "extra_subscription_fields", "only_customers", "attributes"),
    filter_setting="only_customers",
    attributes_setting="attributes",
)
LEADS = Pipeline(
    job="sync-leads",
    system="chartmogul",
    title="Intercom to ChartMogul",
    name="leads sync",
    writes_to="ChartMogul",
    tap="tap-intercom",
    map="map-leads",
    target="target-chartmogul",
    preview="leads-preview",
    dry_run_target="target-chartmogul",
    sample_record={
        "id": "standpipe-doctor",
        "company_id": "standpipe-doctor",
        "name": "standpipe-doctor",
        "updated_at": 1,
    },
    inherited=("target-chartmogul-merge-report",),
    streams=("companies", "contacts"),
    keys=(
        Key("tap-intercom", "access_token", "intercom", "Intercom access token"),
        Key("target-chartmogul", "api_key", "chartmogul", "ChartMogul API key"),
    ),
    subset={"company": "TAP_INTERCOM_COMPANY_IDS", "contact": "TAP_INTERCOM_CONTACT_IDS"},
    typed_settings=("company_attributes", "contact_attributes"),
    shipped_settings={"tap-intercom": frozenset({"reread_every", "scroll_every", "send_unchanged"})},
)
PIPELINES = (SYNC, LEADS)
SYSTEMS = {pipeline.system: pipeline for pipeline in PIPELINES}
