"""The settings of the tap, and the checks of their values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from singer_sdk import typing as th

from tap_intercom._kit.limit_stores import find_limit_url_problem
from tap_intercom._kit.setting_rows import (
    build_activate_version_setting,
    build_address_settings,
    build_key_setting,
    build_limit_setting,
    build_page_size_setting,
    build_request_settings,
)
from tap_intercom._kit.settings import find_date_problem, find_url_problem
from tap_intercom.api.client import REGIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_intercom._kit.json_types import JsonValue

_VERSION = re.compile(r"\d+\.\d+|Preview|Unstable")
MISSING = {"access_token": "the token of an Intercom app (TAP_INTERCOM_ACCESS_TOKEN)"}

SETTINGS = th.PropertiesList(
    build_key_setting(
        "access_token",
        "Access token",
        "The access token of an Intercom app with the permissions for the streams to read.",
    ),
    *build_address_settings(REGIONS),
    th.Property(
        "intercom_version",
        th.StringType,
        default="2.14",
        nullable=False,
        title="API version",
        description="The version of Intercom's API; it overrides the one in the Developer Hub.",
    ),
    th.Property(
        "start_date",
        th.StringType,
        title="Start date",
        description="Read only records that changed at or after this ISO 8601 date. If not set, everything is read; "
        "with a date every join over the streams is partial.",
    ),
    th.Property(
        "lookback",
        th.IntegerType(minimum=0),
        default=600,
        nullable=False,
        title="Lookback",
        description="Seconds to read back before the start of the last run: Intercom's searches lag behind its writes "
        "by some minutes.",
    ),
    th.Property(
        "reread_every",
        th.IntegerType(minimum=1),
        title="Read everything again",
        description="Seconds after which a stream is read whole again: not every change moves `updated_at`. If not "
        "set: never.",
    ),
    build_page_size_setting(150),
    *build_request_settings("Intercom", "workspace", ", beside the one scroll over the companies"),
    build_limit_setting("token"),
    th.Property(
        "max_missing",
        th.NumberType(minimum=0, maximum=1),
        default=0.001,
        nullable=False,
        title="Missing records",
        description="The share of a list's announced records that may be missing; in a list of fewer than 1,000 none "
        "may.",
    ),
    th.Property(
        "scroll_every",
        th.IntegerType(minimum=1),
        title="Scroll again",
        description="Seconds between two scrolls over the companies of a workspace that has more than 1,000; runs in "
        "between send no companies. If not set, every run scrolls.",
    ),
    th.Property(
        "send_unchanged",
        th.ArrayType(th.StringType),
        default=[],
        nullable=False,
        title="Send unchanged",
        description="Streams that send all records, even unchanged ones, whenever the whole list is read. It is meant "
        "for `companies`, as some of them appear late without a change.",
    ),
    th.Property(
        "scroll_patience",
        th.IntegerType(minimum=0),
        default=900,
        nullable=False,
        title="Scroll patience",
        description="Seconds to wait while another scroll over the workspace's companies is open: Intercom permits "
        "one at a time.",
    ),
    th.Property(
        "company_ids",
        th.ArrayType(th.StringType),
        title="Company ids",
        description="Read only the companies with these ids of Intercom's and their contacts, beside what "
        "`contact_ids` names, and no other stream; bookmarks are neither used nor moved.",
    ),
    th.Property(
        "contact_ids",
        th.ArrayType(th.StringType),
        title="Contact ids",
        description="Read only the contacts with these ids of Intercom's and their companies, beside what "
        "`company_ids` names, and no other stream; bookmarks are neither used nor moved.",
    ),
    build_activate_version_setting(),
)


def find_setting_problems(config: Mapping[str, JsonValue]) -> list[str]:
    """Return one sentence for each setting whose value has the right type but is impossible."""
    problems = []
    token, version = config.get("access_token"), config.get("intercom_version")
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        problems.append(
            "The setting `access_token` contains a blank or another character that tokens never have: copy it again."
        )
    problems += find_url_problem("api_url", config.get("api_url"), "https://api.intercom.io")
    if version is not None and not _VERSION.fullmatch(version):
        problems.append("The setting `intercom_version` is not a version such as 2.14.")
    problems += find_limit_url_problem(config.get("limit_url"))
    problems += find_date_problem("start_date", config.get("start_date"))
    for name, kind in (("company_ids", "company"), ("contact_ids", "contact")):
        if config.get(name) == []:
            problems.append(f"The setting `{name}` is empty: name at least one {kind}, or leave it out.")
    return problems


def find_region_problems(region: str, hosted: str) -> list[str]:
    """Return one sentence if the workspace is hosted in another region.

    Args:
        region: the setting; empty if `api_url` names the host.
        hosted: the region that the workspace reports; empty if it reports none.
    """
    if not region or not hosted or region == hosted:
        return []
    return [f"The workspace of `access_token` is hosted in the region {hosted}, not {region}: change `region`."]


def parse_version(version: str) -> tuple[int, int]:
    """Return a version of the API as numbers. `Preview` and `Unstable` are later than all others."""
    if not version[:1].isdecimal():
        return (999, 0)
    major, _, minor = version.partition(".")
    return int(major), int(minor)
