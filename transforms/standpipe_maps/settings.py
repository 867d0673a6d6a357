"""The settings that every map has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import typing as th

from standpipe_maps.protocol import STORE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from standpipe_maps._kit.json_types import JsonObject, JsonValue

# These settings do not change any record, so a new value resends nothing.
HOUSEKEEPING = frozenset(
    {
        "store_dir",
        "store_url",
        "store_name",
        "resend",
        "reconcile_every",
        "allow_partial",
        "preview",
        "report_not_sent",
        "accept_filtered",
        "max_missing",
    }
)
# These came later. With their default they are not part of the fingerprint, so that an upgrade resends nothing.
LATER_SETTINGS = frozenset({"on_left_out", "on_renamed"})

_STORE_SETTINGS = (
    th.Property(
        "store_dir",
        th.StringType,
        default="~/.local/state/standpipe/transforms",
        description="Folder of the stores. It must outlive the run.",
    ),
    th.Property(
        "store_url",
        th.StringType,
        secret=True,
        description="PostgreSQL database of the stores, `postgresql://USER:PASSWORD@HOST/NAME`, instead of files.",
    ),
    th.Property(
        "store_name",
        th.StringType(pattern=f"^{STORE_NAME.pattern}$"),
        description="Fixed name of the store, one for each pipeline. For taps that do not repeat STATE.",
    ),
)
_INPUT_SETTINGS = (
    th.Property(
        "reconcile_every",
        th.IntegerType(minimum=1),
        default=24,
        description="With `resend: changed`, hours after which every record is sent again.",
    ),
    th.Property(
        "allow_partial",
        th.BooleanType,
        default=False,
        description="Send although the tap does not say that it read everything. For other people's taps.",
    ),
)
_CHECK_SETTINGS = (
    th.Property(
        "max_missing",
        th.NumberType(minimum=0, maximum=1),
        default=0.001,
        description="Share of the records that other records refer to and that may be missing after a whole read; of "
        "fewer than 1,000 none may.",
    ),
    th.Property(
        "preview",
        th.BooleanType,
        default=False,
        description="Use a throw-away store and send no STATE. The mapping `preview` sets it.",
    ),
)


def list_common_settings(resend: str, streams: Iterable[str]) -> tuple[th.Property[JsonValue], ...]:
    """Return the settings of every map.

    Args:
        resend: the default of that setting.
        streams: the streams that the map joins.
    """
    resend_setting = th.Property(
        "resend",
        th.StringType(allowed_values=["all", "changed"]),
        default=resend,
        description="Send every record each run, or those that this run's input touched.",
    )
    accept_filtered = th.Property(
        "accept_filtered",
        th.ArrayType(th.StringType(allowed_values=sorted(streams))),
        default=[],
        description="Streams of which fewer records may reach the map than the tap read, because they are filtered on "
        "purpose.",
    )
    return (*_STORE_SETTINGS, resend_setting, *_INPUT_SETTINGS, accept_filtered, *_CHECK_SETTINGS)


def read_defaults(schema: JsonObject) -> JsonObject:
    """Return the default of every setting that has one."""
    return {name: one["default"] for name, one in schema["properties"].items() if "default" in one}
