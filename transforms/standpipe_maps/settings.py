"""The settings of every map, and what is said of one that there is none of."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from standpipe_maps.protocol import STORE_NAME

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# Where a run is kept, and whether it is: none of these changes what is sent.
HOUSEKEEPING = frozenset(
    {"store_dir", "store_name", "resend", "reconcile_every", "allow_partial", "preview", "report_not_sent"}
)


def common_settings(resend: str) -> tuple[th.Property[Any], ...]:
    """The settings of every map; ``resend`` is the default of that setting."""
    return (
        th.Property(
            "store_dir",
            th.StringType,
            default="~/.local/state/standpipe/transforms",
            description="Folder of the stores. It must outlive the run.",
        ),
        th.Property(
            "store_name",
            th.StringType(pattern=f"^{STORE_NAME.pattern}$"),
            description="Fixed name of the store, one for each pipeline. For taps that do not repeat STATE.",
        ),
        th.Property(
            "resend",
            th.StringType(allowed_values=["all", "changed"]),
            default=resend,
            description="Send every record each run, or those that this run's input touched.",
        ),
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
        th.Property(
            "preview",
            th.BooleanType,
            default=False,
            description="Use a throw-away store and send no STATE. The mapping `preview` sets it.",
        ),
    )


def misspelt(given: Iterable[str], known: Collection[str]) -> list[str]:
    """One sentence for each setting that there is none of, with the one that is meant, if any is near.

    Args:
        given: the names of the settings as given.
        known: the names of all settings.
    """
    return [_unknown(name, get_close_matches(name, known, n=1)) for name in given if name not in known]


def _unknown(name: str, near: list[str]) -> str:
    return f"There is no setting `{name}`" + (f": is `{near[0]}` meant?" if near else ".")
