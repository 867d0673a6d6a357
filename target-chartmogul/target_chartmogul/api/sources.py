"""The data source that everything is written into: found by its name, created when missing.

https://dev.chartmogul.com/reference/sources
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_chartmogul.api.transport import LostReplyError, RecordRefusedError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from target_chartmogul.api.client import ChartMogulClient

#: What sources are called that are made over the API, now and before 2025: all others are integrations.
OWN_SYSTEMS = frozenset({"Custom", "Import API"})

_PAUSE = 2.0  # seconds between two attempts to create
_SETTLING = 3  # lost replies in a row that are borne


def named(sources: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    """Give the source of a name, which is unique in an account."""
    return next((one for one in sources if one.get("name") == name), None)


def own(sources: Iterable[Mapping[str, Any]], name: str) -> str | None:
    """Give the uuid of the source of a name, None when there is none yet.

    Raises:
        ConfigurationError: an integration has that name.
    """
    found = named(sources, name)
    if found is None:
        return None
    if found.get("system") not in OWN_SYSTEMS:
        raise ConfigurationError(
            f"The data source `{name}` belongs to ChartMogul's integration with {found.get('system')}, into which "
            "nothing can be written: choose another `data_source_name`."
        )
    return str(found["uuid"])


def created(client: ChartMogulClient, name: str, patience: float, logger: logging.Logger) -> tuple[str, bool]:
    """Create the source and give its uuid, and whether this call has certainly made it.

    Whoever else does so at the same time gets the same one.

    The name of a source that was deleted stays taken until ChartMogul has removed all that came with it.

    Args:
        client: the connection.
        name: of the source.
        patience: seconds to wait for a name to become free.
        logger: tells of waiting.

    Raises:
        ConfigurationError: the name does not become free, or is none.
    """
    deadline = time.monotonic() + patience
    told, lost = False, 0
    while True:
        try:
            return str(client.create_source(name)["uuid"]), lost == 0
        except LostReplyError as error:
            lost += 1
            if lost > _SETTLING:
                raise FatalAPIError(f"{error} to {lost} attempts to create the data source `{name}`.") from None
        except RecordRefusedError as error:
            if "taken" not in error.reason:
                raise ConfigurationError(
                    f"ChartMogul refused the data source name `{name}` ({error.reason}): change `data_source_name`."
                ) from None
        if uuid := own(client.sources(), name):
            return uuid, False
        if time.monotonic() >= deadline:
            raise ConfigurationError(
                f"The name `{name}` is still taken by a data source that was deleted in ChartMogul: run again later, "
                "or choose another `data_source_name`."
            )
        if not told:
            logger.warning("The name of the deleted data source %s is not free yet: waiting for it", name)
            told = True
        time.sleep(_PAUSE)
