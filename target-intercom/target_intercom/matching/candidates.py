"""Candidates: what Intercom has for a row, and the interface of a matcher."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from concurrent.futures import Executor

    from target_intercom.api.client import IntercomClient
    from target_intercom.api.transport import RecordRefusedError
    from target_intercom.records.buffer import RecordBuffer, Row
    from target_intercom.records.remote import RemoteRecord
    from target_intercom.records.write_options import WriteOptions


@dataclass
class Candidates:
    """The contacts or companies that may match a row, or Intercom's reason for refusing the search."""

    records: list[RemoteRecord] = field(default_factory=list)  #: in the order of their discovery
    error: RecordRefusedError | None = None
    email_owners: list[RemoteRecord] = field(default_factory=list)
    """Other users with the e-mail address of a row without a match."""
    previously_linked: list[RemoteRecord] = field(default_factory=list)
    """Records with the row's link, while its match value found another record."""

    @property
    def has_no_user(self) -> bool:
        """Whether no user or company was found. Leads do not count."""
        return not self.error and all(record.is_lead for record in self.records)

    def needs_link_search(self, link: str | None, options: WriteOptions) -> bool:
        """Return whether to search for the link: no user was found, or none has the link."""
        if not link or self.error:
            return False
        return all(one.is_lead or options.read_remote_link(one) != link for one in self.records)

    def add_email_owners(self, owners: Candidates, row: Row, options: WriteOptions) -> Candidates:
        """Add the users with the row's e-mail address but another match value, or none."""
        others = [one for one in owners.records if not one.is_lead and options.read_remote_key(one) != row.key]
        return Candidates(self.records, owners.error, email_owners=others)

    def add_linked(self, linked: Candidates) -> Candidates:
        """Add records with the row's link. One of them is the match if the row has none; else the row left it."""
        seen = {record.id for record in self.records}
        others = [one for one in linked.records if one.id not in seen]
        if not self.has_no_user:
            return Candidates(self.records, previously_linked=others)
        return Candidates([*self.records, *others], linked.error)

    def set_left_aside(self, row: Row, left_behind: Collection[str], options: WriteOptions) -> Candidates:
        """Set aside the records that the row left earlier, if another record has its link.

        Both have the link, so only the memory of an earlier run shows which of them belongs to the row. A record with
        the row's match value is never set aside.

        Args:
            row: the record of the input.
            left_behind: Intercom's ids of the records that it left, as remembered.
            options: the settings.
        """
        linked = [one for one in self.records if row.link and options.read_remote_link(one) == row.link]
        left = [one for one in linked if one.id in left_behind and options.read_remote_key(one) != row.key]
        if len(left) == len(linked):  # if no other record has the link, these are the match, whatever was remembered
            return self
        kept = [one for one in self.records if one not in left]
        return replace(self, records=kept, previously_linked=[*self.previously_linked, *left])


class Matcher(Protocol):
    """Finds records for rows."""

    def find_candidates(self, rows: Sequence[Row]) -> dict[int, Candidates]:
        """Return what Intercom has for each row, by `seq`: all records with its match value or its link."""

    def find_email_owners(self, rows: Sequence[Row]) -> Mapping[int, Candidates]:
        """Return the users with each row's e-mail address, by `seq`."""

    def find_linked(self, links: Sequence[str]) -> Mapping[str, Candidates]:
        """Return the records with these links, by link."""


@dataclass(frozen=True)
class MatchContext:
    """The objects that a matcher needs.

    Args:
        client: the connection.
        options: the settings and the attributes.
        buffer: the run's input.
        executor: makes several calls at once.
        has_link_attribute: whether Intercom already has the link attribute. Searching an unknown one is an error.
        may_create: whether a record without a match is created.
        list_left_behind: returns the other records that had a row's link when they were last read.
    """

    client: IntercomClient
    options: WriteOptions
    buffer: RecordBuffer
    executor: Executor
    has_link_attribute: bool
    may_create: bool
    list_left_behind: Callable[[Row, WriteOptions], Collection[str]]
