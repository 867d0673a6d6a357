"""Merging the customers of the data source with the billing system's, whose records survive.

https://dev.chartmogul.com/reference/customers
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.merge.customer_matching import Match, Party, match_parties
from target_chartmogul.merge.merge_log import BEGUN, MERGED, PENDING, REFUSED, Merge
from target_chartmogul.records.object_types import CUSTOMER
from target_chartmogul.records.payloads import external_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Executor

    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.merge.merge_log import MergeLog

#: What the survivor would keep of its own, and is to have from the lead.
DATES = ("lead_created_at", "free_trial_started_at")

_PAUSE, _LONGEST_PAUSE = 0.5, 10.0  # seconds between two looks at whether a merge is done
_PATIENCE = 300.0


@dataclass
class Merger:
    """Finds the customers that are the same in both data sources, and merges them if it is told to.

    Args:
        client: the connection.
        source: the uuid of the target's data source, None while there is none.
        billing: the uuid of the billing system's.
        keys: by what two customers are the same, the surest first.
        log: knows what was merged, and what was taken apart again.
        interruption: gives a sentence when the run is to stop.
    """

    client: ChartMogulClient
    source: str | None
    billing: str
    keys: tuple[str, ...]
    log: MergeLog
    interruption: Callable[[], str | None]
    counts: Counter[str] = field(default_factory=Counter)
    _dates: dict[str, dict[str, Any]] = field(default_factory=dict)  #: by uuid

    def matches(self, coming: Iterable[Party] = ()) -> list[Match]:
        """Match what both data sources hold, and customers yet to be created, one to one."""
        leads, merged = self._parties(self.source, self.billing) if self.source else ([], [])
        others, _ = self._parties(self.billing, self.source)
        apart = self.log.apart(self.source or "", self.billing)
        self.counts.update(["merged_before"] * len(merged))
        return match_parties([*leads, *coming], others, self.keys, apart, merged)

    def report(self, found: Iterable[Match]) -> Iterator[tuple[Any, ...]]:
        """Give the lines that say what would be merged."""
        for match in found:
            yield self._line(match, match.outcome)

    def apply(self, found: Iterable[Match], executor: Executor) -> Iterator[tuple[Any, ...]]:
        """Merge what is matched, and give the lines that say what became of it."""

        def done(match: Match) -> str:
            if match.outcome != "matched" or not match.party.uuid:
                return match.outcome
            return "interrupted" if self.interruption() else self._merged(match)

        found = list(found)
        for match, outcome in zip(found, executor.map(done, found), strict=True):
            yield self._line(match, outcome)

    def _merged(self, match: Match) -> str:
        """Merge two customers, await it, and give the survivor the lead's dates.

        A merge that ChartMogul does not get round to in time is `pending`: the next run finds the customer shared, and
        writes the dates as it writes any other change.
        """
        lead, into = match.party, match.into[0]
        merge = Merge(self.source or "", lead.external_ids, self.billing, into.external_ids, match.key)
        self.log.note(merge, BEGUN)
        try:
            self.client.merge(lead.uuid, into.uuid)
        except RecordRefusedError as error:
            if not self._is_merged(lead, into):
                self.log.note(merge, REFUSED)
                return f"{REFUSED}: {error.reason}"
        if not self._awaited(lead, into):
            self.log.note(merge, PENDING)
            return PENDING
        self.log.note(merge, MERGED)
        if dates := self._lost_dates(lead, into):
            self.client.update(CUSTOMER, into.uuid, dates)
        return MERGED

    def _awaited(self, lead: Party, into: Party) -> bool:
        deadline, pause = time.monotonic() + _PATIENCE, _PAUSE
        while not self._is_merged(lead, into):
            if time.monotonic() >= deadline or self.interruption():
                return False
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return True

    def _is_merged(self, lead: Party, into: Party) -> bool:
        held = self.client.by_external_id(CUSTOMER, self.source or "", lead.external_ids[0])
        return held is not None and held["uuid"] == into.uuid

    def _lost_dates(self, lead: Party, into: Party) -> dict[str, Any]:
        own, others = self._dates[lead.uuid], self._dates[into.uuid]
        return {name: own[name] for name in DATES if own[name] and not others[name]}

    def _parties(self, source: str, other: str | None) -> tuple[list[Party], list[Party]]:
        """Read the customers of a data source, and apart from them those that are in the other one, too."""
        found, merged = list[Party](), list[Party]()
        for entry in (one for page in self.client.listed(CUSTOMER, source) for one in page):
            ids = external_ids(entry, source)
            if other in (entry.get("data_source_uuids") or ()):
                merged.append(party_from(entry, [*ids, *external_ids(entry, other or "")]))
            else:
                self._dates[entry["uuid"]] = {name: entry.get(name) for name in DATES}
                found.append(party_from(entry, ids))
        return found, merged

    def _line(self, match: Match, outcome: str) -> tuple[Any, ...]:
        self.counts[outcome.partition(":")[0]] += 1
        party, into = match.party, match.into
        return (
            " ".join(party.external_ids),
            party.name,
            outcome,
            match.key,
            match.value,
            match.count,
            " ".join(" ".join(one.external_ids) for one in into),
            "; ".join(one.name for one in into),
            party.uuid,
            " ".join(one.uuid for one in into),
        )


def party_from(values: Mapping[str, Any], ids: Iterable[str]) -> Party:
    """Read what is matched by from a customer of ChartMogul's, or from a record that will be one."""
    texts = [str(values.get(name) or "") for name in ("uuid", "name", "company", "email", "website_url")]
    uuid, name, company, email, website = texts
    return Party(uuid, tuple(ids), name, company, email, website)
