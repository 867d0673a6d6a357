"""One run: its site and that site's clock, what of it is read, and who fetches."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from tap_chargebee._kit.fetch_pool import FetchPool
from tap_chargebee._kit.settings import parse_date
from tap_chargebee.api.client import ChargebeeClient
from tap_chargebee.api.errors import UserError
from tap_chargebee.state import bookmarks
from tap_chargebee.streams.events import News, event_query, followed
from tap_chargebee.streams.reader import ListReader
from tap_chargebee.streams.resources import ROWS
from tap_chargebee.streams.windows import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_chargebee.api.client import Site
    from tap_chargebee.streams.resource import Resource

# Of 3.5 KB a record, so many pages are 35 MB; with a third less the workers wait for the reader at 150 ms a call.
MOST_PAGES = 96


class Source:
    """What the streams of a run share.

    Args:
        config: the settings.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.custom_fields: Mapping[str, Mapping[str, Any]] = {}
        """The schemas of the site's own fields, by resource and name, where they were asked for."""
        self.news = News(())
        """What :meth:`learn` learnt."""

    @cached_property
    def client(self) -> ChargebeeClient:
        """The site, over the wire."""
        return ChargebeeClient(
            site=self.config["site"],
            api_key=self.config["api_key"],
            api_url=self.config.get("api_url") or "",
            page_size=self.config.get("page_size", 100),
            request_timeout=self.config.get("request_timeout", 80),
            answer_timeout=self.config.get("answer_timeout", 300),
            connections=self.config.get("max_concurrency", 1),
            requests_per_minute=self.config.get("requests_per_minute"),
        )

    @cached_property
    def pool(self) -> FetchPool:
        """The threads that fetch."""
        size = self.config["max_concurrency"]
        return FetchPool(size, max_buffered_pages=min(6 * size, MOST_PAGES))

    @cached_property
    def site(self) -> Site:
        """What the first call of the run told.

        Raises:
            UserError: the site or the key is wrong.
        """
        return self.client.site()

    @cached_property
    def run_start(self) -> int:
        """The server's clock at the first call of the run, unix seconds.

        Raises:
            UserError: the site, the key or the start date is wrong.
        """
        now = self.site.now
        if self.start_date is not None and self.start_date > now:
            raise UserError("The setting `start_date` lies in the future.")
        return now

    @cached_property
    def start_date(self) -> int | None:
        """The earliest change to read, unix seconds."""
        return parse_date(self.config["start_date"]) if self.config.get("start_date") else None

    @cached_property
    def scope(self) -> str:
        """What the bookmarks of this run stand for."""
        return bookmarks.scope(
            self.config["site"], include_deleted=self.config["include_deleted"], start_date=self.start_date
        )

    @property
    def is_subset(self) -> bool:
        """Whether only some customers are read."""
        return bool(self.config.get("customer_limit") or self.config.get("customer_ids"))

    @cached_property
    def chosen_customers(self) -> list[str]:
        """The ids of the customers of a run over a part of the site."""
        if ids := self.config.get("customer_ids"):
            return list(dict.fromkeys(ids))
        customers = ROWS["customers"]
        records = self.client.read_records("/customers", {"sort_by[asc]": "created_at"}, customers)
        items = (record["id"] for record in records)
        return list(islice(items, self.config["customer_limit"]))

    def takes_deleted(self, name: str) -> bool:
        """Whether a list of records by some ids has the deleted ones too: the first N customers are live ones."""
        return name != "id" or not self.config.get("customer_limit")

    def learn(self, following: Mapping[Resource, int]) -> None:
        """Read the events that tell of some resources, each from a time on, unix seconds: once, for all of them."""
        if not following:
            return
        self.news = News(following)
        query = event_query(followed(following), Window(min(following.values()), self.run_start))
        reading = ListReader(
            self.pool, self.client, ROWS["events"], [query], key=(-1,), now=self.run_start, end=self.run_start
        )
        for page in reading:
            for item in page:
                self.news.add(item.record())
