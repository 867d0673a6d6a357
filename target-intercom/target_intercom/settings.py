"""The settings of target-intercom: what each asks, and the typed form that the rest of the package uses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from singer_sdk.exceptions import ConfigurationError

from target_intercom.kinds import COMPANY, KINDS
from target_intercom.payloads import Shape
from target_intercom.rules import Rules
from target_intercom.transport import REGIONS

if TYPE_CHECKING:
    from target_intercom.kinds import Kind

_URL = re.compile(r"https?://[\w.\-]+(:\d{1,5})?(/\S*)?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?(/\S*)?")

#: The listed values of every named field.
Condition = Mapping[str, Sequence[Any]]

_CONDITION = th.CustomType({"type": "object", "additionalProperties": {"type": "array"}})

PROPERTIES = th.PropertiesList(
    th.Property(
        "access_token",
        th.StringType,
        required=True,
        secret=True,
        title="Access token",
        description="The access token of an Intercom app that may read and write users and companies.",
    ),
    th.Property(
        "region",
        th.StringType,
        default="us",
        allowed_values=list(REGIONS),
        title="Region",
        description="Where is the workspace hosted? Checked against the workspace at start.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        title="API URL",
        description="The whole base URL of the API, instead of the region's own.",
    ),
    th.Property(
        "match_contacts_on",
        th.StringType,
        default="email",
        allowed_values=["email", "external_id"],
        title="Match contacts on",
        description="How is a user recognised in Intercom? E-mail addresses are compared regardless of letter case.",
    ),
    th.Property(
        "match_companies_on",
        th.StringType,
        default="company_id",
        allowed_values=["company_id", "name"],
        title="Match companies on",
        description="How is a company recognised in Intercom? Names are compared regardless of letter case.",
    ),
    th.Property(
        "on_match",
        th.StringType,
        default="update_owned",
        allowed_values=["update_owned", "update_all"],
        title="On match",
        description="What of a matched record may be written: the attributes with `owned_prefix` only, or its standard "
        "fields and all other attributes too?",
    ),
    th.Property(
        "on_no_match",
        th.StringType,
        default="skip",
        allowed_values=["skip", "create"],
        title="On no match",
        description="Is a user or company created when Intercom has none?",
    ),
    th.Property(
        "create_cancelled",
        th.BooleanType,
        default=False,
        title="Create cancelled",
        description="Is a user or company created even for a record for which `cancelled_when` holds?",
    ),
    th.Property(
        "cancelled_when",
        _CONDITION,
        title="Cancelled when",
        description="Which records count as cancelled: every named field has one of its listed values. If not set, "
        "`sub_status` under `owned_prefix` is `cancelled`.",
    ),
    th.Property(
        "deleted_when",
        _CONDITION,
        title="Deleted when",
        description="Which records count as deleted: for these nothing is ever created. If not set, `cust_status` "
        "under `owned_prefix` is `deleted`.",
    ),
    th.Property(
        "on_lead",
        th.StringType,
        default="skip",
        allowed_values=["skip", "convert", "create"],
        title="On lead",
        description="What if there is no such user but a lead: leave it, make it a user, or create a user beside it?",
    ),
    th.Property(
        "on_ambiguous",
        th.StringType,
        default="skip",
        allowed_values=["skip"],
        title="On ambiguous",
        description="What if several users or companies match? They are reported and left alone: there is no choice.",
    ),
    th.Property(
        "link_attribute",
        th.StringType,
        title="Link attribute",
        description="The custom attribute that holds the record's id, by which it is found again after its e-mail "
        "address, id or name changed. If not set, `cust_id` under `owned_prefix`; empty for none.",
    ),
    th.Property(
        "owned_prefix",
        th.StringType,
        default="cb_",
        title="Owned prefix",
        description="Custom attributes that begin with this belong to the integration: updated, and cleared by null.",
    ),
    th.Property(
        "company_prefix",
        th.StringType,
        title="Company prefix",
        description="The owned prefix of the companies' attributes, if contacts have `owned_prefix`: in Intercom both "
        "share one space of names. The link attribute and the fields of the conditions then begin with it too.",
    ),
    th.Property(
        "attach_companies",
        th.BooleanType,
        default=False,
        title="Attach companies",
        description="Is a contact whose record has a `company_id` attached to that company?",
    ),
    th.Property(
        "mode",
        th.StringType,
        default="sync",
        allowed_values=["sync", "validate"],
        title="Mode",
        description="`validate` reads, matches and reports what would be done, and writes nothing.",
    ),
    th.Property(
        "max_rejects",
        th.IntegerType(minimum=0),
        title="Max rejects",
        description="How many refusals stop the run? If not set, 5 % of the attempts, at least 100.",
    ),
    th.Property(
        "fail_on_rejects",
        th.BooleanType,
        default=False,
        title="Fail on rejects",
        description="Does the run end with exit code 1, after its STATE, when any record was refused?",
    ),
    th.Property(
        "max_concurrency",
        th.IntegerType(minimum=1, maximum=256),
        default=32,
        title="Max concurrency",
        description="How many requests may be under way at once?",
    ),
    th.Property(
        "max_changed_share",
        th.NumberType(minimum=0, maximum=1),
        default=0.5,
        title="Max changed share",
        description="Which share of at least 200 linked records may change its MRR or status, or lose a value, in one "
        "run? Above it the run stops before the first write.",
    ),
    th.Property(
        "accept_changes",
        th.BooleanType,
        default=False,
        title="Accept changes",
        description="Go on, once, although `max_changed_share` is passed.",
    ),
    th.Property(
        "list_records",
        th.IntegerType(minimum=0),
        default=0,
        title="List records",
        description="How many records are listed at the end, each with what became of it and a link to look at it?",
    ),
    th.Property(
        "record_url",
        th.StringType,
        title="Record URL",
        description="Where a record is looked at, with `{stream}` and `{id}` to be filled in, instead of Intercom's "
        "own web application.",
    ),
    th.Property(
        "report_dir",
        th.StringType,
        default="output/target-intercom",
        title="Report directory",
        description="Where the reports of the last run are written.",
    ),
)


@dataclass(frozen=True)
class Settings:
    """The settings of a run. The names are those of the plugin's settings."""

    access_token: str
    base_url: str
    region: str | None  #: None when `api_url` names the host
    match_on: Mapping[str, str]  #: by stream
    update_all: bool
    rules: Rules
    cancelled_when: Condition
    deleted_when: Condition
    link_attribute: str
    owned_prefix: str
    company_prefix: str
    attach_companies: bool
    validate: bool
    max_rejects: int | None
    fail_on_rejects: bool
    max_concurrency: int
    max_changed_share: float
    accept_changes: bool
    list_records: int
    record_url: str
    report_dir: Path

    @property
    def may_create(self) -> bool:
        """Say whether any record can become a new user or company."""
        return "create" in {self.rules.on_no_match, self.rules.on_lead}

    def shape(self, kind: Kind) -> Shape:
        """Give how the records of a kind are written, before the types of their attributes are known."""
        prefix, link = self.owned_prefix, self.link_attribute
        if kind is COMPANY and self.company_prefix:
            prefix = self.company_prefix
            link = link and prefix + link.removeprefix(self.owned_prefix)
        return Shape({}, kind, self.match_on[kind.stream], self.update_all, prefix, link)

    def of_kind(self, condition: Condition, kind: Kind) -> Condition:
        """Give a condition with its fields named as the records of a kind name them."""
        prefix = self.company_prefix if kind is COMPANY else ""
        return {_under(prefix, self.owned_prefix, field): values for field, values in condition.items()}


def settings_from(config: Mapping[str, Any]) -> Settings:
    """Read a validated configuration.

    Raises:
        ConfigurationError: a setting that must not be empty is, or it is none of its kind.
    """
    for name in ("access_token", "owned_prefix", "report_dir"):
        if not config[name].strip():
            raise ConfigurationError(f"The setting `{name}` is empty.")
    _assert_token(config["access_token"].strip())
    api_url = (config.get("api_url") or "").strip()
    _assert_url(api_url)
    max_rejects, prefix = config.get("max_rejects"), config["owned_prefix"]
    return Settings(
        access_token=config["access_token"].strip(),
        base_url=api_url or REGIONS[config["region"]],
        region=None if api_url else config["region"],
        match_on={kind.stream: config[f"match_{kind.stream}_on"] for kind in KINDS.values()},
        update_all=config["on_match"] == "update_all",
        rules=Rules(config["on_no_match"], config["on_lead"], config["create_cancelled"]),
        cancelled_when=_given(config, "cancelled_when", {f"{prefix}sub_status": ["cancelled"]}),
        deleted_when=_given(config, "deleted_when", {f"{prefix}cust_status": ["deleted"]}),
        link_attribute=_given(config, "link_attribute", f"{prefix}cust_id").strip(),
        owned_prefix=prefix,
        company_prefix=(config.get("company_prefix") or "").strip(),
        attach_companies=config["attach_companies"],
        validate=config["mode"] == "validate",
        max_rejects=None if max_rejects is None else int(max_rejects),
        fail_on_rejects=config["fail_on_rejects"],
        max_concurrency=int(config["max_concurrency"]),
        max_changed_share=float(config["max_changed_share"]),
        accept_changes=config["accept_changes"],
        list_records=int(config["list_records"]),
        record_url=(config.get("record_url") or "").strip(),
        report_dir=Path(config["report_dir"]),
    )


def _assert_token(token: str) -> None:
    """Refuse what no HTTP header carries, such as the dots that stand for a token in an example."""
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError("The setting `access_token` has characters that are in no token of Intercom's.")


def _assert_url(url: str) -> None:
    if url and not _URL.fullmatch(url):
        raise ConfigurationError(
            f"The setting `api_url` is no address that begins with https:// or http:// and a host: {url}"
        )


def _given(config: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    value = config.get(name)
    return otherwise if value is None else value


def _under(prefix: str, owned: str, field: str) -> str:
    """Put a field that begins with the owned prefix under another one, unless it is there already."""
    if not prefix or not field.startswith(owned) or field.startswith(prefix):
        return field
    return prefix + field.removeprefix(owned)
