"""The objects that the streams of one run share: connection, and workspace with its clock."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tap_intercom._kit.errors import raise_problems
from tap_intercom._kit.source import SourceBase
from tap_intercom.api.client import REGIONS, IntercomClient
from tap_intercom.api.subset import Subset
from tap_intercom.settings import find_region_problems

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from datetime import datetime

    from tap_intercom._kit.json_types import JsonObject, JsonValue
    from tap_intercom.api.client import Workspace


class Source(SourceBase):
    """The objects that the streams of a run share.

    Args:
        config: the settings.
    """

    def __init__(self, config: Mapping[str, JsonValue]) -> None:
        super().__init__(config)
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
            limit_url=self.config.get("limit_url"),
        )

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

    @property
    def server_time(self) -> int:
        """The workspace's clock at the first call of the run, in Unix seconds."""
        return self.workspace.now
