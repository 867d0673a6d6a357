"""Finds contacts for many records with few calls: by search, or by reading all contacts if that takes fewer.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/searchcontacts
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from target_intercom.api.client import MAX_FILTERS, PAGE
from target_intercom.api.transport import RecordRefusedError
from target_intercom.matching.candidates import Candidates
from target_intercom.records.match_keys import EMAIL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_intercom.matching.candidates import MatchContext, Matcher
    from target_intercom.records.buffer import RecordBuffer, Row
    from target_intercom.records.remote import RemoteContact

#: Match values per search. Some have two contacts, and a page has 150.
KEYS = 120

#: The first length of an IN array. Intercom documents no maximum, so a 400 shortens it.
FIRST_ARRAY = 50


def open_contact_matcher(context: MatchContext) -> Matcher:
    """Choose the matcher with fewer calls. The first page of all contacts says how many there are."""
    buffer, options = context.buffer, context.options
    pages = context.client.list_contacts()
    first, total = next(pages)
    # One search per 120 match values, and one per 120 links of records that are not sent.
    searches = -(-buffer.count_rows() // KEYS) - (-buffer.count_unsent() // KEYS)
    if -(-total // PAGE) > searches:
        return SearchMatcher(context)
    for contact in chain(first, chain.from_iterable(contacts for contacts, _ in pages)):
        buffer.store_remote(options.read_remote_keys(contact), options.trim_remote(contact))
    return IndexMatcher(buffer)


class IndexMatcher:
    """Finds contacts among all of Intercom's, as far as the input may need them."""

    def __init__(self, buffer: RecordBuffer) -> None:
        self._buffer = buffer

    def find_candidates(self, rows: Sequence[Row]) -> dict[int, Candidates]:
        """See `Matcher`."""
        candidates = {row.seq: Candidates(self._buffer.find_remotes("key", row.key)) for row in rows}
        for row in rows:
            if row.link:
                linked = Candidates(self._buffer.find_remotes("link", row.link))
                candidates[row.seq] = candidates[row.seq].add_linked(linked)
        return candidates

    def find_email_owners(self, rows: Sequence[Row]) -> dict[int, Candidates]:
        """See `Matcher`."""
        return {row.seq: Candidates(self._buffer.find_remotes("email", row.email)) for row in rows}

    def find_linked(self, links: Sequence[str]) -> dict[str, Candidates]:
        """See `Matcher`."""
        return {link: Candidates(self._buffer.find_remotes("link", link)) for link in links}


class SearchMatcher:
    """Searches for the match values of many rows at once, then for the links of some.

    These are the rows without a matching user that has their link, and rows that moved.
    """

    def __init__(self, context: MatchContext) -> None:
        self._client, self._options, self._executor = context.client, context.options, context.executor
        self._has_link = context.has_link_attribute and bool(context.options.link)
        self._list_left_behind = context.list_left_behind
        self._array = FIRST_ARRAY

    def find_candidates(self, rows: Sequence[Row]) -> dict[int, Candidates]:
        """See `Matcher`."""
        match_key = self._options.match_key
        values: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            if row.key:
                values[row.key] |= set(match_key.list_search_values(match_key.read_value(row.record) or row.key))
        hits = self._search_all(match_key.field, values, self._options.read_remote_key)
        candidates = {row.seq: hits.get(row.key or "", Candidates()) for row in rows}
        return self._add_linked(rows, candidates) if self._has_link else candidates

    def find_email_owners(self, rows: Sequence[Row]) -> dict[int, Candidates]:
        """See `Matcher`."""
        addresses = {row.email: EMAIL.read_value(row.record) or row.email for row in rows if row.email}
        values = {email: set(EMAIL.list_search_values(address)) for email, address in addresses.items()}
        hits = self._search_all("email", values, lambda contact: self._options.read_remote_email(contact) or "")
        return {row.seq: hits.get(row.email or "", Candidates()) for row in rows}

    def find_linked(self, links: Sequence[str]) -> dict[str, Candidates]:
        """See `Matcher`."""
        if not self._has_link:
            return {}
        field = f"custom_attributes.{self._options.link}"
        values = {link: {link} for link in links}
        return self._search_all(field, values, lambda contact: self._options.read_remote_link(contact) or "")

    def _add_linked(self, rows: Sequence[Row], candidates: dict[int, Candidates]) -> dict[int, Candidates]:
        links = {}
        for row in rows:
            found = candidates[row.seq]
            has_moved = not found.error and bool(self._list_left_behind(row, self._options))
            if row.link and (found.needs_link_search(row.link, self._options) or has_moved):
                links[row.seq] = row.link
        hits = self.find_linked(list(links.values()))
        return candidates | {seq: candidates[seq].add_linked(hits[link]) for seq, link in links.items() if link in hits}

    def _search_all(
        self, field: str, values: Mapping[str, set[str]], read_key: Callable[[RemoteContact], str]
    ) -> dict[str, Candidates]:
        """Search a field for all keys with several calls at once, and group the contacts by key.

        Args:
            field: the field.
            values: by key, the forms to search for.
            read_key: returns the key of a contact.
        """
        hits: dict[str, Candidates] = defaultdict(Candidates)
        seen = set()
        answers = self._executor.map(lambda keys: self._search(field, keys, values), _cut(list(values), KEYS))
        for contacts, errors in answers:
            for contact in contacts:
                # One form of an address may find another address's contact (SS is both ss and ß), in two searches.
                if contact.id not in seen:
                    hits[read_key(contact)].records.append(self._options.trim_remote(contact))
                seen.add(contact.id)
            for key, error in errors.items():
                hits[key].error = error
        return hits

    def _search(
        self, field: str, keys: Sequence[str], values: Mapping[str, set[str]]
    ) -> tuple[list[RemoteContact], dict[str, RecordRefusedError]]:
        """Search for some keys in one call.

        After a 400, search in halves to find the maximum length or the refused value.
        """
        # The order is fixed, so that the same records make the same calls.
        terms = sorted(value for key in keys for value in values[key])
        arrays = list(_cut(terms, self._array))
        if len(arrays) <= MAX_FILTERS or len(keys) == 1:
            try:
                return list(self._client.search_contacts(field, arrays)), {}
            except RecordRefusedError as error:
                if len(keys) == 1:
                    return [], {keys[0]: error}
        half = (len(keys) + 1) // 2
        left, right = (self._search(field, part, values) for part in (keys[:half], keys[half:]))
        if not left[1] and not right[1]:
            # Both halves succeeded, so Intercom refused the length of the arrays and not a value.
            self._array = min(self._array, -(-len(terms) // 2))
        return left[0] + right[0], left[1] | right[1]


def _cut(values: Sequence[str], size: int) -> Iterable[list[str]]:
    return (list(values[start : start + size]) for start in range(0, len(values), size))
