"""Finding the contacts of many records with few calls: by search, or by reading every contact when that takes fewer.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/searchcontacts
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Protocol
from unicodedata import normalize

from target_intercom.api.client import MAX_FILTERS, PAGE
from target_intercom.api.transport import RecordRefusedError
from target_intercom.matching.candidates import Found, email_of, key_of, keys_of, linked_to, trimmed
from target_intercom.records.payloads import match_value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from concurrent.futures import Executor

    from target_intercom.api.client import IntercomClient
    from target_intercom.matching.candidates import Held
    from target_intercom.records.buffer import Row, Spool
    from target_intercom.records.payloads import Shape

#: Match values searched in one call: some have two contacts, and a page holds 150.
KEYS = 120

#: Length of an IN array at first. Intercom documents no maximum; a smaller one is learnt from its 400.
FIRST_ARRAY = 50


class Matcher(Protocol):
    """Finds the records of rows."""

    def match(self, rows: Sequence[Row]) -> dict[int, Found]:
        """Give what was found for each row, by `seq`: all records of its match value, and those linked to its id."""

    def emailed(self, rows: Sequence[Row]) -> Mapping[int, Found]:
        """Give who has the e-mail address of each row, by `seq`."""

    def find_linked(self, links: Sequence[str]) -> Mapping[str, Found]:
        """Return the records that carry one of these links, by link."""


def matcher_for(  # noqa: PLR0913 - what the two ways need together
    client: IntercomClient,
    shape: Shape,
    spool: Spool,
    executor: Executor,
    *,
    by_link: bool,
    left_behind: Callable[[Row, Shape], Collection[str]],
) -> Matcher:
    """Choose the way that takes fewer calls; the first page of all contacts tells how many there are.

    Args:
        client: the connection.
        shape: the settings and the declared attributes.
        spool: the run's input.
        executor: runs the searches.
        by_link: whether the link attribute exists in Intercom already (searching an unknown one is an error).
        left_behind: which other contacts carried the link of a row when it was last looked for.
    """
    pages = client.contact_pages()
    first, total = next(pages)
    searches = -(-spool.count() // KEYS) - (-spool.count_unsent() // KEYS)
    if -(-total // PAGE) > searches:
        return SearchMatcher(client, shape, executor, by_link=by_link, left_behind=left_behind)
    for contact in chain(first, chain.from_iterable(contacts for contacts, _ in pages)):
        spool.keep(keys_of(contact, shape), trimmed(contact, shape))
    return IndexMatcher(shape, spool)


class IndexMatcher:
    """Looks rows up among all of Intercom's contacts, as far as they can concern the input."""

    def __init__(self, shape: Shape, spool: Spool) -> None:
        self._shape, self._spool = shape, spool

    def match(self, rows: Sequence[Row]) -> dict[int, Found]:
        """See `Matcher`."""
        return {row.seq: self._found(row) for row in rows}

    def emailed(self, rows: Sequence[Row]) -> dict[int, Found]:
        """See `Matcher`."""
        return {row.seq: Found(self._spool.held_by("email", row.email)) for row in rows}

    def find_linked(self, links: Sequence[str]) -> dict[str, Found]:
        """See `Matcher`."""
        return {link: Found(self._spool.held_by("link", link)) for link in links}

    def _found(self, row: Row) -> Found:
        found = Found(self._spool.held_by("key", row.key))
        return found.with_linked(Found(self._spool.held_by("link", row.link))) if row.link else found


class SearchMatcher:
    """Searches for the match values of many rows at once, then for links.

    Those of rows that match no user linked so are looked for, and those of rows that moved.
    """

    def __init__(
        self,
        client: IntercomClient,
        shape: Shape,
        executor: Executor,
        *,
        by_link: bool,
        left_behind: Callable[[Row, Shape], Collection[str]],
    ) -> None:
        self._client, self._shape, self._executor = client, shape, executor
        self._by_link = by_link and bool(shape.link)
        self._left_behind = left_behind
        self._array = FIRST_ARRAY

    def match(self, rows: Sequence[Row]) -> dict[int, Found]:
        """See `Matcher`."""
        match_on = self._shape.match_on
        values: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            if row.key:
                values[row.key] |= spellings(match_value(row.record, match_on) or row.key, match_on)
        hits = self._find(match_on, values, lambda contact: key_of(contact, self._shape))
        found = {row.seq: hits.get(row.key or "", Found()) for row in rows}
        return self._with_linked(rows, found) if self._by_link else found

    def emailed(self, rows: Sequence[Row]) -> dict[int, Found]:
        """See `Matcher`."""
        given = {row.email: match_value(row.record, "email") or row.email for row in rows if row.email}
        values = {key: spellings(value, "email") for key, value in given.items()}
        hits = self._find("email", values, lambda contact: email_of(contact, self._shape) or "")
        return {row.seq: hits.get(row.email or "", Found()) for row in rows}

    def find_linked(self, links: Sequence[str]) -> dict[str, Found]:
        """See `Matcher`."""
        if not self._by_link:
            return {}
        values = {link: {link} for link in links}
        name = f"custom_attributes.{self._shape.link}"
        return self._find(name, values, lambda contact: linked_to(contact, self._shape) or "")

    def _with_linked(self, rows: Sequence[Row], found: dict[int, Found]) -> dict[int, Found]:
        lost = {row.seq: row.link for row in rows if row.link and self._wants_link(row, found[row.seq])}
        hits = self.find_linked(list(lost.values()))
        return found | {seq: found[seq].with_linked(hits[link]) for seq, link in lost.items() if link in hits}

    def _wants_link(self, row: Row, found: Found) -> bool:
        return found.wants_link(row.link, self._shape) or (
            not found.refused and bool(self._left_behind(row, self._shape))
        )

    def _find(self, name: str, values: Mapping[str, set[str]], key: Callable[[Held], str]) -> dict[str, Found]:
        """Search a field for all keys, several calls at once, and sort the contacts by key."""
        hits: dict[str, Found] = defaultdict(Found)
        found = self._executor.map(lambda keys: self._search(name, keys, values), chunks(list(values), KEYS))
        seen = set()
        for contacts, refused in found:
            for contact in contacts:
                # A spelling of one address may find another one's contact (SS is both ss and ß), in two searches.
                if contact["id"] not in seen:
                    hits[key(contact)].records.append(trimmed(contact, self._shape))
                seen.add(contact["id"])
            for value, error in refused.items():
                hits[value].refused = error
        return hits

    def _search(
        self, name: str, keys: Sequence[str], values: Mapping[str, set[str]]
    ) -> tuple[list[Held], dict[str, RecordRefusedError]]:
        """Search for some keys in one call; after a 400 in halves, which finds the arrays' maximum or the culprit."""
        asked = sorted(value for key in keys for value in values[key])
        arrays = list(chunks(asked, self._array))
        if len(arrays) <= MAX_FILTERS or len(keys) == 1:
            try:
                return list(self._client.search_contacts(name, arrays)), {}
            except RecordRefusedError as error:
                if len(keys) == 1:
                    return [], {keys[0]: error}
        half = (len(keys) + 1) // 2
        left, right = (self._search(name, part, values) for part in (keys[:half], keys[half:]))
        if not left[1] and not right[1]:
            self._array = min(self._array, -(-len(asked) // 2))
        return left[0] + right[0], left[1] | right[1]


def spellings(value: str, match_on: str) -> set[str]:
    """Return the forms in which a value is searched for.

    It is not documented whether Intercom's search minds the letter case of e-mail addresses, which it keeps as given,
    or how an accent is coded: an address is asked for in the forms that people type, outside of ASCII in both codings.
    """
    if match_on != "email":
        return {value}
    typed = {value, value.lower(), value.upper(), value.title()}
    return typed | {normalize(form, text) for text in typed for form in ("NFC", "NFD")}


def chunks(values: Sequence[str], size: int) -> Iterable[list[str]]:
    """Cut a sequence into lists of at most `size`."""
    return (list(values[start : start + size]) for start in range(0, len(values), size))
