"""The data source for all writes: found by its name, and created if it is missing.

https://dev.chartmogul.com/reference/sources
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_chartmogul.api.transport import LostReplyError, RecordRefusedError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable

    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.api.shapes import DataSource

#: The systems of sources from the API, now and before 2025. All others are integrations.
OWN_SYSTEMS = frozenset({"Custom", "Import API"})

_PAUSE = 2.0  # seconds between two attempts to create
_MAX_LOST_REPLIES = 3


def find_source(sources: Iterable[DataSource], name: str) -> DataSource | None:
    """Return the source with a name, which is unique in an account."""
    return next((one for one in sources if one.name == name), None)


def find_writable_source(sources: Iterable[DataSource], name: str) -> DataSource | None:
    """Return the source with a name; None if it does not exist yet.

    Raises:
        ConfigurationError: it belongs to an integration.
    """
    source = find_source(sources, name)
    if source and source.system not in OWN_SYSTEMS:
        raise ConfigurationError(
            f"The data source `{name}` belongs to ChartMogul's integration with {source.system}, and nothing can be "
            "written into it: choose another `data_source_name`."
        )
    return source


def create_source(client: ChartMogulClient, name: str, patience: float, logger: logging.Logger) -> tuple[str, bool]:
    """Create the source. Return its uuid, and whether this call certainly created it.

    The name of a deleted source becomes free after a while. The call waits up to `patience` seconds for that.

    Raises:
        ConfigurationError: the name does not become free, or is not allowed.
        FatalAPIError: no attempt had a reply.
    """
    deadline = time.monotonic() + patience
    is_waiting, lost = False, 0
    while True:
        try:
            return client.create_source(name).uuid, lost == 0
        except LostReplyError as error:
            lost += 1
            if lost > _MAX_LOST_REPLIES:
                raise FatalAPIError(f"{error} to {lost} attempts to create the data source `{name}`.") from None
        except RecordRefusedError as error:
            if "taken" not in error.reason:
                raise ConfigurationError(
                    f"ChartMogul refused the data source name `{name}` ({error.reason}): change `data_source_name`."
                ) from None
        # A call with a lost reply or another run created it, or the name still belongs to a deleted source.
        if source := find_writable_source(client.list_sources(), name):
            return source.uuid, False
        if time.monotonic() >= deadline:
            raise ConfigurationError(
                f"The name `{name}` still belongs to a data source that was deleted in ChartMogul: run again later, "
                "or choose another `data_source_name`."
            )
        if not is_waiting:
            logger.warning("The name of the deleted data source %s is not free yet: the run waits for it", name)
            is_waiting = True
        time.sleep(_PAUSE)
