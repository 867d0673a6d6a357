"""Settings that several plugins have, each described once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import typing as th

from .json_types import JsonValue

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = th.Property[JsonValue]


def build_page_size_setting(most: int) -> Row:
    """Return the setting `page_size`. Its default is the vendor's maximum."""
    return th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=most),
        default=most,
        nullable=False,
        title="Page size",
        description=f"Records per call, 1 to {most}.",
    )


def build_activate_version_setting() -> Row:
    """Return the setting `activate_version` of a tap."""
    return th.Property(
        "activate_version",
        th.BooleanType,
        default=False,
        nullable=False,
        title="Activate version",
        description="Send ACTIVATE_VERSION after the last record of a stream that was read whole, so that a database "
        "target marks or removes the rows that did not come again.",
    )


def build_timeout_settings(request_timeout: int) -> tuple[Row, ...]:
    """Return the settings for a target's timeouts.

    Args:
        request_timeout: the default of the setting with this name, in seconds.
    """
    return (
        th.Property(
            "request_timeout",
            th.IntegerType(minimum=1),
            default=request_timeout,
            title="Request timeout",
            description="Seconds to wait between two bytes of an answer before the request is sent again.",
        ),
        th.Property(
            "answer_timeout",
            th.IntegerType(minimum=1),
            default=300,
            title="Answer timeout",
            description="Seconds to wait for the whole of an answer before the request is sent again.",
        ),
    )


def build_request_settings(vendor: str, whose: str, note: str = "") -> tuple[Row, ...]:
    """Return the settings for a tap's requests.

    Args:
        vendor: the name of the API's vendor.
        whose: what the rate limit applies to, such as "site".
        note: a further note about `max_concurrency`.
    """
    return (
        th.Property(
            "request_timeout",
            th.IntegerType(minimum=1),
            default=80,
            nullable=False,
            title="Request timeout",
            description="Seconds to wait between two bytes of an answer before the request is sent again.",
        ),
        th.Property(
            "answer_timeout",
            th.IntegerType(minimum=1),
            default=300,
            nullable=False,
            title="Answer timeout",
            description="Seconds to wait for the whole of an answer before the request is sent again.",
        ),
        th.Property(
            "max_concurrency",
            th.IntegerType(minimum=1, maximum=50),
            default=16,
            nullable=False,
            title="Calls at a time",
            description=f"Calls that may run at the same time, 1 to 50{note}.",
        ),
        th.Property(
            "requests_per_minute",
            th.IntegerType(minimum=1),
            title="Requests per minute",
            description=f"The most calls per minute, evenly spaced, as a share of the {whose}'s limit. If not "
            f"set, the tap waits only when {vendor} says so.",
        ),
    )


def build_limit_setting(whose: str, note: str = "") -> Row:
    """Return the setting `limit_url`.

    Args:
        whose: what the rate limit applies to, such as "site".
        note: what else it needs.
    """
    return th.Property(
        "limit_url",
        th.StringType,
        secret=True,
        title="Limit URL",
        description="PostgreSQL or Redis, through which all processes with this setting share the rate limit of a "
        f"{whose}: `postgresql://USER:PASSWORD@HOST/NAME` or `redis://HOST:6379/0`{note}. If not set, each process "
        "looks after itself.",
    )


def build_key_setting(name: str, title: str, description: str) -> Row:
    """Return the setting for the vendor's key, which is never shown."""
    return th.Property(name, th.StringType, required=True, secret=True, title=title, description=description)


def build_address_settings(regions: Iterable[str]) -> tuple[Row, ...]:
    """Return the settings for the API's address. The first region is the default."""
    names = list(regions)
    listed = ", ".join(f"`{name}`" for name in names[:-1])
    return (
        th.Property(
            "region",
            th.StringType,
            default=names[0],
            allowed_values=names,
            title="Region",
            description=f"Where the workspace is hosted: {listed} or `{names[-1]}`. Checked against the workspace at "
            "start.",
        ),
        th.Property(
            "api_url",
            th.StringType,
            title="API URL",
            description="The base URL of the API, instead of the region's own.",
        ),
    )


def build_mode_setting(how: str) -> Row:
    """Return the setting `mode`. ``how`` says what a validation does."""
    return th.Property(
        "mode",
        th.StringType,
        default="sync",
        allowed_values=["sync", "validate"],
        title="Mode",
        description=f"`validate` {how} and reports what would be done, and writes nothing.",
    )


def build_reject_settings() -> tuple[Row, ...]:
    """Return a target's settings for refused records."""
    return (
        th.Property(
            "max_rejects",
            th.IntegerType(minimum=0),
            title="Max rejects",
            description="Stop the run when more records than this are refused. If not set, 5 % of the attempts, but at "
            "least 100.",
        ),
        th.Property(
            "fail_on_rejects",
            th.BooleanType,
            default=False,
            title="Fail on rejects",
            description="End with exit code 1, after writing STATE, when any record was refused.",
        ),
    )


def build_folder_settings(plugin: str, remembered: str) -> tuple[Row, ...]:
    """Return the settings for a target's folders. ``remembered`` names what a run must know about earlier runs."""
    return (
        th.Property(
            "report_dir",
            th.StringType,
            default=f"output/{plugin}",
            title="Report directory",
            description="Where the reports of the last run are written.",
        ),
        th.Property(
            "memory_dir",
            th.StringType,
            title="Memory directory",
            description=f"Where one run keeps what the next runs must know: {remembered}. If not set, the folder "
            "`memory` in `report_dir`.",
        ),
        th.Property(
            "journal_dir",
            th.StringType,
            title="Journal directory",
            description="Where a journal of each run is written, with an entry before and after every write; a program "
            "that loads the journals removes them. If not set, no journal is written.",
        ),
    )
