"""The base of a tap's source: what the streams of one run share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

from .errors import UserError
from .fetch_pool import FetchPool
from .settings import parse_date

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .json_types import JsonValue

# Pages of 150 records with 3 KB each take 45 MB. With a third less, workers idle at 150 ms per call.
MAX_BUFFERED_PAGES = 96


class SourceBase(ABC):
    """The settings, the threads and the clock of a run. Each tap adds its connection.

    Args:
        config: the settings.
    """

    def __init__(self, config: Mapping[str, JsonValue]) -> None:
        self.config = config

    @property
    @abstractmethod
    def is_subset(self) -> bool:
        """Whether the run reads only some records."""

    @property
    @abstractmethod
    def server_time(self) -> int:
        """The server's clock at the first call of the run, in Unix seconds."""

    @cached_property
    def pool(self) -> FetchPool:
        """The threads that fetch pages."""
        size = self.config["max_concurrency"]
        return FetchPool(size, max_buffered_pages=min(6 * size, MAX_BUFFERED_PAGES))

    @cached_property
    def start_date(self) -> int | None:
        """The setting `start_date` in Unix seconds."""
        return parse_date(self.config["start_date"]) if self.config.get("start_date") else None

    @cached_property
    def run_start(self) -> int:
        """The time at which the run began, by the server's clock, in Unix seconds.

        Raises:
            UserError: the first call was refused, or the start date is wrong.
        """
        now = self.server_time
        if self.start_date is not None and self.start_date > now:
            raise UserError("The setting `start_date` lies in the future.")
        return now
