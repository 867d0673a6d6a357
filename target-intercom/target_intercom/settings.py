"""The settings of target-intercom: description, type and default of each, and the typed form for a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from singer_sdk import typing as th
from singer_sdk.exceptions import ConfigurationError

from target_intercom._kit.json_types import JsonObject, JsonValue
from target_intercom._kit.limit_stores import find_limit_url_problem
from target_intercom._kit.setting_rows import (
    build_address_settings,
    build_folder_settings,
    build_key_setting,
    build_limit_setting,
    build_mode_setting,
    build_reject_settings,
    build_timeout_settings,
)
from target_intercom._kit.settings import find_url_problem
from target_intercom.api.transport import REGIONS
from target_intercom.decisions.rules import Rules
from target_intercom.records.match_keys import COMPANY_ID, MatchKey
from target_intercom.records.object_types import COMPANY, CONTACT, OBJECT_TYPES, ObjectType
from target_intercom.records.write_options import WriteOptions

_CONDITION = th.CustomType({"type": "object", "additionalProperties": {"type": "array"}})

PROPERTIES = th.PropertiesList(
    build_key_setting(
        "access_token",
        "Access token",
        "The access token of an Intercom app that may read and write users and companies.",
    ),
    *build_address_settings(REGIONS),
    th.Property(
        "match_contacts_on",
        th.StringType,
        default=CONTACT.match_keys[0].field,
        allowed_values=[key.field for key in CONTACT.match_keys],
        title="Match contacts on",
        description="The field by which a user is recognised in Intercom. Letter case in e-mail addresses does not "
        "matter.",
    ),
    th.Property(
        "match_companies_on",
        th.StringType,
        default=COMPANY.match_keys[0].field,
        allowed_values=[key.field for key in COMPANY.match_keys],
        title="Match companies on",
        description="The field by which a company is recognised in Intercom. Letter case in names does not matter.",
    ),
    th.Property(
        "on_match",
        th.StringType,
        default="update_owned",
        allowed_values=["update_owned", "update_all"],
        title="On match",
        description="What is written to a match: attributes that begin with `owned_prefix` (`update_owned`), or "
        "standard fields and all attributes too (`update_all`).",
    ),
    th.Property(
        "on_no_match",
        th.StringType,
        default="skip",
        allowed_values=["skip", "create"],
        title="On no match",
        description="What happens when Intercom has no such user or company.",
    ),
    th.Property(
        "create_cancelled",
        th.BooleanType,
        default=False,
        title="Create cancelled",
        description="Create users and companies for cancelled records too (see `cancelled_when`).",
    ),
    th.Property(
        "cancelled_when",
        _CONDITION,
        title="Cancelled when",
        description="The records that count as cancelled: every named field has one of its listed values. If not "
        "set: `sub_status` under `owned_prefix` is `cancelled`.",
    ),
    th.Property(
        "deleted_when",
        _CONDITION,
        title="Deleted when",
        description="The records that count as deleted, for which nothing is ever created. If not set: `cust_status` "
        "under `owned_prefix` is `deleted`.",
    ),
    th.Property(
        "on_lead",
        th.StringType,
        default="skip",
        allowed_values=["skip", "convert", "create"],
        title="On lead",
        description="What happens when only a lead matches: leave it, make it a user, or create a user beside it.",
    ),
    th.Property(
        "on_ambiguous",
        th.StringType,
        default="skip",
        allowed_values=["skip"],
        title="On ambiguous",
        description="What happens when several users or companies match. They are reported and not changed; there is "
        "no other choice.",
    ),
    th.Property(
        "link_attribute",
        th.StringType,
        title="Link attribute",
        description="The custom attribute that holds the record's id. A record is found by it after its e-mail "
        "address, id or name has changed. If not set: `cust_id` under `owned_prefix`. Empty for none.",
    ),
    th.Property(
        "on_moved",
        th.StringType,
        default="keep",
        allowed_values=["keep", "clear"],
        title="On moved",
        description="What happens to the earlier user or company when a record now matches a different one, or "
        "when another record is sent in its place: it keeps its values, or they and the link are cleared.",
    ),
    th.Property(
        "owned_prefix",
        th.StringType,
        default="cb_",
        title="Owned prefix",
        description="Custom attributes that begin with this belong to the integration: it updates them, and null "
        "clears them.",
    ),
    th.Property(
        "company_prefix",
        th.StringType,
        title="Company prefix",
        description="The owned prefix of companies, where contacts have `owned_prefix`: in Intercom the attributes "
        "of both share one namespace. The link attribute and the fields of the conditions then begin with it "
        "too.",
    ),
    th.Property(
        "attributes_from",
        th.CustomType({"type": ["array", "string"], "items": {"type": "string"}}),
        title="Attributes from",
        description="The flat fields of a record that become custom attributes, under `owned_prefix`: their names, "
        "or `*` for all that have no other use. For taps that send no `custom_attributes`.",
    ),
    th.Property(
        "attach_companies",
        th.BooleanType,
        default=False,
        title="Attach companies",
        description="Attach a contact to the company that the `company_id` of its record names.",
    ),
    build_mode_setting("reads, matches"),
    *build_reject_settings(),
    th.Property(
        "max_concurrency",
        th.IntegerType(minimum=1, maximum=256),
        default=32,
        title="Max concurrency",
        description="The number of requests that may be under way at once.",
    ),
    build_limit_setting("token"),
    *build_timeout_settings(60),
    th.Property(
        "max_missing",
        th.NumberType(minimum=0, maximum=1),
        default=0.001,
        title="Max missing",
        description="The share of the announced contacts that may be missing from Intercom's list. Of fewer than "
        "1,000 none may be missing.",
    ),
    th.Property(
        "max_changed_share",
        th.NumberType(minimum=0, maximum=1),
        default=0.5,
        title="Max changed share",
        description="The share of the linked records (of at least 200) that may change MRR or status, or lose a "
        "value, in one run. Above it the run stops before the first write.",
    ),
    th.Property(
        "accept_changes",
        th.BooleanType,
        default=False,
        title="Accept changes",
        description="Write although `max_changed_share` is exceeded. Set it for one run only.",
    ),
    th.Property(
        "list_records",
        th.IntegerType(minimum=0),
        default=0,
        title="List records",
        description="The number of records that are listed at the end, each with its outcome and a link.",
    ),
    th.Property(
        "record_url",
        th.StringType,
        title="Record URL",
        description="The address of a record, with `{stream}` and `{id}` to be filled in, instead of Intercom's own "
        "web application.",
    ),
    th.Property(
        "source_name",
        th.StringType,
        title="Source name",
        description="The name of the system that the records come from, for the reports.",
    ),
    th.Property(
        "source_url",
        th.StringType,
        title="Source URL",
        description="The address of a record in the system that it comes from, with `{id}` to be filled in.",
    ),
    *build_folder_settings("target-intercom", "records that moved, and archived users"),
)

#: A condition: the permitted values by field.
Condition = Mapping[str, Sequence[JsonValue]]


@dataclass(frozen=True)
class Settings:
    """The settings of a run, checked and in the form that the code uses."""

    access_token: str
    base_url: str
    region: str | None  #: None if `api_url` names the host
    match_keys: Mapping[str, MatchKey]  #: by stream
    update_all: bool
    rules: Rules
    cancelled_when: Condition
    deleted_when: Condition
    link_attribute: str
    owned_prefix: str
    company_prefix: str
    attributes_from: frozenset[str]
    attach_companies: bool
    validate: bool
    max_rejects: int | None
    max_concurrency: int
    limit_url: str | None
    request_timeout: float
    answer_timeout: float
    max_missing: float
    max_changed_share: float
    accept_changes: bool
    list_records: int
    record_url: str
    source_name: str
    source_url: str
    clear_moved: bool
    report_dir: Path
    memory_dir: Path
    journal_dir: Path | None

    @property
    def may_create(self) -> bool:
        """Whether any record can become a new user or company."""
        return "create" in {self.rules.on_no_match, self.rules.on_lead}

    def build_options(self, object_type: ObjectType) -> WriteOptions:
        """Return the options for writing a type of record, before the types of its attributes are known."""
        prefix, link = self.owned_prefix, self.link_attribute
        if object_type.has_own_prefix and self.company_prefix:
            prefix = self.company_prefix
            link = link and prefix + link.removeprefix(self.owned_prefix)
        return WriteOptions({}, object_type, self.match_keys[object_type.stream], self.update_all, prefix, link)

    def rename_condition(self, condition: Condition, object_type: ObjectType) -> Condition:
        """Return a condition with the names of fields in records of a type."""
        prefix, owned = self.company_prefix, self.owned_prefix
        if not object_type.has_own_prefix or not prefix:
            return condition
        return {
            prefix + field.removeprefix(owned)
            if field.startswith(owned) and not field.startswith(prefix)
            else field: values
            for field, values in condition.items()
        }

    def list_used_fields(self, object_type: ObjectType) -> set[str]:
        """Return the fields of a record with another use."""
        company = {COMPANY_ID.field} if object_type.joins_companies and self.attach_companies else set()
        return {object_type.identity, "custom_attributes", *object_type.standard} | company


#: The settings that a run uses unchanged.
_AS_THEY_ARE = (
    "owned_prefix",
    "attach_companies",
    "max_concurrency",
    "request_timeout",
    "answer_timeout",
    "max_missing",
    "max_changed_share",
    "accept_changes",
    "list_records",
)


def build_defaults(prefix: str) -> JsonObject:
    """Return the defaults of the settings that follow from `owned_prefix`."""
    return {
        "cancelled_when": {f"{prefix}sub_status": ["cancelled"]},
        "deleted_when": {f"{prefix}cust_status": ["deleted"]},
        "link_attribute": f"{prefix}cust_id",
    }


def parse_settings(config: Mapping[str, JsonValue]) -> Settings:
    """Read a validated configuration.

    Raises:
        ConfigurationError: a setting is empty that must not be, or has an impossible value.
    """
    texts = {name: value.strip() for name, value in config.items() if isinstance(value, str)}
    _assert_usable(texts)
    # Null means that a setting is not set, so the default that follows from the prefix is used.
    derived = build_defaults(config["owned_prefix"]) | {name: one for name, one in config.items() if one is not None}
    names = config.get("attributes_from") or ()
    names = names.split(",") if isinstance(names, str) else names
    source_url = texts.get("source_url", "")
    # A host with a dot at its start shows an unset variable, as in `https://$SITE.chargebee.com`.
    has_host = not (urlsplit(source_url).hostname or "").startswith(".")
    return Settings(
        **{name: config[name] for name in _AS_THEY_ARE},
        access_token=texts["access_token"],
        base_url=texts.get("api_url") or REGIONS[config["region"]],
        region=None if texts.get("api_url") else config["region"],
        match_keys={stream: one.find_match_key(config[f"match_{stream}_on"]) for stream, one in OBJECT_TYPES.items()},
        update_all=config["on_match"] == "update_all",
        rules=Rules(config["on_no_match"], config["on_lead"], config["create_cancelled"]),
        cancelled_when=derived["cancelled_when"],
        deleted_when=derived["deleted_when"],
        link_attribute=derived["link_attribute"].strip(),
        company_prefix=texts.get("company_prefix", ""),
        attributes_from=frozenset(name.strip() for name in names if name.strip()),
        validate=config["mode"] == "validate",
        max_rejects=config.get("max_rejects"),
        limit_url=texts.get("limit_url") or None,
        record_url=texts.get("record_url", ""),
        source_name=texts.get("source_name") or "the source",
        source_url=source_url if has_host else "",
        clear_moved=config["on_moved"] == "clear",
        report_dir=Path(config["report_dir"]),
        memory_dir=Path(texts.get("memory_dir") or Path(config["report_dir"]) / "memory"),
        journal_dir=Path(texts["journal_dir"]) if texts.get("journal_dir") else None,
    )


def _assert_usable(texts: Mapping[str, str]) -> None:
    for name in ("access_token", "owned_prefix", "report_dir"):
        if not texts[name]:
            raise ConfigurationError(f"The setting `{name}` is empty.")
    token, url = texts["access_token"], texts.get("api_url", "")
    # An HTTP header cannot contain some characters, such as the ellipsis of an example token.
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError("The setting `access_token` contains characters that Intercom's tokens never have.")
    for problem in (
        *find_url_problem("api_url", url, "https://api.intercom.io"),
        *find_limit_url_problem(texts.get("limit_url")),
    ):
        raise ConfigurationError(problem)
