"""The objects that the streams of one run share: connection, workspace and clock, and threads."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tap_intercom._kit.errors import raise_problems
from tap_intercom._kit.fetch_pool import FetchPool
from tap_intercom._kit.settings import parse_date
from tap_intercom.api.client import REGIONS, IntercomClient
from tap_intercom.api.errors import UserError
from tap_intercom.api.subset import Subset
from tap_intercom.settings import find_region_problems

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from datetime import datetime

    from tap_intercom._kit.json_types import JsonObject, JsonValue
    from tap_intercom.api.client import Workspace

# With 150 records of 3 KB each, these pages take 45 MB.
MAX_BUFFERED_PAGES = 96


class Source:
    """The objects that the streams of a run share.

    Args:
        config: the settings.
    """

    def __init__(self, config: Mapping[str, JsonValue]) -> None:
        self.config = config
        self.attributes: dict[str, JsonObject] = {}
        """The schemas of the workspace's custom attributes that were read, by stream and name."""
        self.attributes_read_at: datetime | None = None
        """The time at which discovery read them."""
        self._workspace: Future[Workspace] | None = None

    @cached_property
    def client(self) -> IntercomClient:
        """The connection to the workspace."""
        return IntercomClient(
            access_token=self.config["access_token"],
            api_url=self.config.get("api_url") or REGIONS[self.config.get("region") or "us"],
            version=self.config.get("intercom_version", "2.14"),
            request_timeout=self.config.get("request_timeout", 80),
            answer_timeout=self.config.get("answer_timeout", 300),
            connections=self.config.get("max_concurrency", 1),
            requests_per_minute=self.config.get("requests_per_minute"),
        )

    @cached_property
    def pool(self) -> FetchPool:
        """The threads that fetch pages."""
        size = self.config["max_concurrency"]
        return FetchPool(size, max_buffered_pages=min(6 * size, MAX_BUFFERED_PAGES))

    @cached_property
    def start_date(self) -> int | None:
        """The setting `start_date` in unix seconds."""
        return parse_date(self.config["start_date"]) if self.config.get("start_date") else None

    @property
    def is_subset(self) -> bool:
        """Whether the run reads only some companies and contacts."""
        return bool(self.config.get("company_ids") or self.config.get("contact_ids"))

    @cached_property
    def subset(self) -> Subset:
        """The companies and contacts that `company_ids` and `contact_ids` name."""
        return Subset(
            self.pool, self.client, self.config.get("company_ids") or (), self.config.get("contact_ids") or ()
        )

    def request_workspace(self) -> None:
        """Make the first call of a run in a thread, so that searches can start meanwhile."""
        self._workspace = self.pool.submit_call((-1,), self.client.fetch_workspace)

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace, from the first call of the run.

        Raises:
            UserError: the token, the region, the version or the URL is wrong.
        """
        found = self.client.fetch_workspace() if self._workspace is None else self._workspace.result()
        # `api_url` may lead to a proxy or a sandbox, whose region has no meaning.
        region = "" if self.config.get("api_url") else self.config.get("region", "us")
        raise_problems(find_region_problems(region, found.region))
        return found

    @cached_property
    def run_start(self) -> int:
        """The server's clock at the first call of the run, in Unix seconds.

        Raises:
            UserError: the start date is wrong.
        """
        now = self.workspace.now
        if self.start_date is not None and self.start_date > now:
            raise UserError("The setting `start_date` lies in the future.")
        return now
