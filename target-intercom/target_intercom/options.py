"""The settings of target-intercom as data: what each asks, its type, its default."""

from __future__ import annotations

from singer_sdk import typing as th

from target_intercom._kit.setting_rows import (
    address_settings,
    folder_settings,
    key_setting,
    mode_setting,
    reject_settings,
    timeout_settings,
)
from target_intercom.api.transport import REGIONS

_CONDITION = th.CustomType({"type": "object", "additionalProperties": {"type": "array"}})

PROPERTIES = th.PropertiesList(
    key_setting(
        "access_token",
        "Access token",
        "The access token of an Intercom app that may read and write users and companies.",
    ),
    *address_settings(REGIONS),
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
        "on_moved",
        th.StringType,
        default="keep",
        allowed_values=["keep", "clear"],
        title="On moved",
        description="What if a record matches another user or company than the one that carries its link, or is not "
        "sent because another one is: does the earlier one keep its values, which then stay as they are, or is it "
        "cleared of them and of the link?",
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
        "attributes_from",
        th.CustomType({"type": ["array", "string"], "items": {"type": "string"}}),
        title="Attributes from",
        description="Which flat fields of a record become custom attributes, under `owned_prefix`: their names, or `*` "
        "for all that have no other use. For taps that send no `custom_attributes`.",
    ),
    th.Property(
        "attach_companies",
        th.BooleanType,
        default=False,
        title="Attach companies",
        description="Is a contact whose record has a `company_id` attached to that company?",
    ),
    mode_setting("reads, matches"),
    *reject_settings(),
    th.Property(
        "max_concurrency",
        th.IntegerType(minimum=1, maximum=256),
        default=32,
        title="Max concurrency",
        description="How many requests may be under way at once?",
    ),
    *timeout_settings(60),
    th.Property(
        "max_missing",
        th.NumberType(minimum=0, maximum=1),
        default=0.001,
        title="Max missing",
        description="Which share of the contacts that Intercom announces may be missing from its list? In fewer than "
        "1,000 none may.",
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
        "source_name",
        th.StringType,
        title="Source name",
        description="What the reports call the system that the records come from.",
    ),
    th.Property(
        "source_url",
        th.StringType,
        title="Source URL",
        description="Where a record is looked at in the system that it comes from, with `{id}` to be filled in.",
    ),
    *folder_settings("target-intercom", "records that moved, and archived users"),
)
