"""The objects that the streams of one run share: connection, site and clock, and events."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from tap_chargebee._kit.source import SourceBase
from tap_chargebee.api.client import ChargebeeClient
from tap_chargebee.state import bookmarks
from tap_chargebee.streams.entities import MOVES, Moves, is_foreign, narrow_resource
from tap_chargebee.streams.events import EventChanges, build_event_query, list_event_types
from tap_chargebee.streams.reader import ListReader
from tap_chargebee.streams.resources import ROWS
from tap_chargebee.streams.windows import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_chargebee._kit.json_types import JsonObject, JsonValue
    from tap_chargebee.api.client import Site
    from tap_chargebee.streams.resource import Resource


class Source(SourceBase):
    """The objects that the streams of a run share.

    Args:
        config: the settings.
    """

    def __init__(self, config: Mapping[str, JsonValue]) -> None:
        super().__init__(config)
        self.custom_fields: Mapping[str, Mapping[str, JsonObject]] = {}
        """The schemas of the site's own fields by resource and name, filled by discovery."""
        self.events = EventChanges(())
        """The changes that :meth:`load_events` found."""
        self.entity: str = config.get("business_entity_id") or ""
        """The business entity whose records the run reads; empty for the whole site."""
        self.moves = Moves()
        """The moves that :meth:`load_moves` found."""

    @cached_property
    def client(self) -> ChargebeeClient:
        """The connection to the site."""
        return ChargebeeClient(
            site=self.config["site"],
            api_key=self.config["api_key"],
            api_url=self.config.get("api_url") or "",
            page_size=self.config.get("page_size", 100),
            request_timeout=self.config.get("request_timeout", 80),
            answer_timeout=self.config.get("answer_timeout", 300),
            connections=self.config.get("max_concurrency", 1),
            requests_per_minute=self.config.get("requests_per_minute"),
            limit_url=self.config.get("limit_url"),
        )

    @cached_property
    def site(self) -> Site:
        """The site, from the first call of the run.

        Raises:
            UserError: the site or the key is wrong.
        """
        return self.client.fetch_site()

    @property
    def server_time(self) -> int:
        """The site's clock at the first call of the run, in Unix seconds."""
        return self.site.now

    @cached_property
    def scope(self) -> str:
        """The settings that decide which records this run reads, in the form for bookmarks."""
        return bookmarks.describe_scope(
            self.config["site"],
            include_deleted=self.config["include_deleted"],
            start_date=self.start_date,
            entity=self.entity,
        )

    @property
    def is_subset(self) -> bool:
        """Whether the run reads only some customers or events."""
        return any(self.config.get(name) for name in ("customer_limit", "customer_ids", "event_ids"))

    @cached_property
    def chosen_customers(self) -> list[str]:
        """The ids of the customers that `customer_limit` or `customer_ids` selects."""
        if not self.config.get("customer_limit"):
            return list(dict.fromkeys(self.config.get("customer_ids") or ()))
        customers = narrow_resource(ROWS["customers"], self.entity)
        records = self.client.fetch_records("/customers", {"sort_by[asc]": "created_at"}, customers)
        own = (record for record in records if not self.entity or not is_foreign(record, self.entity))
        return [record["id"] for record in islice(own, self.config["customer_limit"])]

    def load_events(self, since: Mapping[Resource, int]) -> None:
        """Read the events for some resources once, from the earliest time that one of them needs.

        Args:
            since: the time from which each resource needs events, in Unix seconds.
        """
        if not since:
            return
        self.events = EventChanges(since, self.entity)
        query = build_event_query(list_event_types(since), Window(min(since.values()), self.run_start))
        reader = ListReader(
            self.pool, self.client, ROWS["events"], [query], key=(-1,), now=self.run_start, end=self.run_start
        )
        for page in reader:
            for item in page:
                self.events.add_event(item.decode_record())

    def load_moves(self, since: int) -> None:
        """Read which records left or entered the business entity since a time, in Unix seconds.

        A record that left is in no list of the business entity any more, not even as deleted.
        """
        query = {"sort_by[asc]": "created_at", "created_at[between]": f"[{since},{self.run_start}]"}
        self.moves = Moves(self.client.fetch_records(MOVES.path, query, MOVES), self.entity)
