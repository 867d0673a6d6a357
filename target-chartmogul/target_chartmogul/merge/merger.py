"""Merges the customers of the data source with the billing system's, which remain.

https://dev.chartmogul.com/reference/customers
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_chartmogul._kit.journal import Who
from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.merge.customer_matching import Match, Party, match_parties
from target_chartmogul.merge.merge_log import BEGUN, MERGED, PENDING, REFUSED, Merge
from target_chartmogul.records.object_types import CUSTOMER, MERGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from target_chartmogul._kit.journal import JournalWriter
    from target_chartmogul._kit.json_types import JsonObject, JsonValue
    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.merge.merge_log import MergeLog
    from target_chartmogul.records.remote import CustomerFields

#: The remaining customer keeps its own dates. Missing ones are copied from the lead.
DATES = ("lead_created_at", "free_trial_started_at")

INTERRUPTED = "interrupted"  #: the run stopped before the merge
_PAUSE, _LONGEST_PAUSE = 0.5, 10.0  # seconds between two checks whether a merge is done
_PATIENCE = 300.0


@dataclass
class Merger:
    """Finds the customers that are the same in both data sources, and merges them.

    Args:
        client: the connection.
        source: the uuid of the target's data source, None while there is none.
        billing: the uuid of the billing system's.
        keys: by what two customers are the same, the most reliable first.
        log: knows what was merged and unmerged.
        find_stop_reason: returns a sentence when the run is to stop.
        journal: receives every merge, before and after it, and the other leads.
    """

    client: ChartMogulClient
    source: str | None
    billing: str
    keys: tuple[str, ...]
    log: MergeLog
    find_stop_reason: Callable[[], str | None]
    journal: JournalWriter
    counts: Counter[str] = field(default_factory=Counter)
    _dates: dict[str, JsonObject] = field(default_factory=dict)  #: by uuid

    def find_matches(self, coming: Iterable[Party] = ()) -> list[Match]:
        """Match the customers of both data sources and customers to be created, one to one."""
        leads, merged = self._read_parties(self.source, self.billing) if self.source else ([], [])
        others, _ = self._read_parties(self.billing, self.source)
        self.counts.update(["merged_before"] * len(merged))
        unmerged = self.log.list_unmerged(self.source or "", self.billing)
        return match_parties([*leads, *coming], others, self.keys, unmerged, merged)

    def process_matches(
        self, matches: Sequence[Match], executor: Executor, *, applies: bool
    ) -> Iterator[tuple[JsonValue, ...]]:
        """Yield a row with the outcome of each lead; without `applies`, with the expected outcome."""
        outcomes = executor.map(self._merge, matches) if applies else [match.outcome for match in matches]
        for match, outcome in zip(matches, outcomes, strict=True):
            if not (applies and _is_mergeable(match)) or outcome == INTERRUPTED:
                who, fields = _find_who(match.party), _build_fields(match)
                ids = " ".join(match.party.external_ids)
                self.journal.add_record(
                    MERGES, ids, outcome, match.key, remote_id=match.party.uuid, fields=fields, who=who
                )
            yield self._build_row(match, outcome)

    def _merge(self, match: Match) -> str:
        """Merge two matching customers, wait for it, and copy the lead's dates."""
        if not _is_mergeable(match):
            return match.outcome
        if self.find_stop_reason():
            return INTERRUPTED
        lead, into = match.party, match.into[0]
        merge = Merge(self.source or "", lead.external_ids, self.billing, into.external_ids, match.key)
        entry = self.journal.begin_write(MERGES, " ".join(lead.external_ids), "merge", _find_who(lead))
        fields = _build_fields(match)
        self.log.append(merge, BEGUN)
        entry.announce(lead.uuid, fields)
        try:
            self.client.start_merge(lead.uuid, into.uuid)
        except RecordRefusedError as error:
            # After a lost reply, the repeated request may be refused because the merge is already done.
            if not self._is_merged(lead, into):
                self.log.append(merge, REFUSED)
                entry.settle("rejected", error.reason, remote_id=lead.uuid)
                return f"{REFUSED}: {error.reason}"
        if not self._wait_until_merged(lead, into):
            # The next run finds the shared customer, and writes the dates like any other change.
            self.log.append(merge, PENDING)
            entry.settle(PENDING, remote_id=lead.uuid, fields=fields)
            return PENDING
        self.log.append(merge, MERGED)
        lead_dates, kept_dates = self._dates[lead.uuid], self._dates[into.uuid]
        if dates := {name: lead_dates[name] for name in DATES if lead_dates[name] and not kept_dates[name]}:
            fields |= {name: (kept_dates[name], date) for name, date in dates.items()}
            entry.announce(into.uuid, fields)
            self.client.update_object(CUSTOMER, into.uuid, dates)
        entry.settle(MERGED, remote_id=into.uuid, fields=fields)
        return MERGED

    def _wait_until_merged(self, lead: Party, into: Party) -> bool:
        deadline, pause = time.monotonic() + _PATIENCE, _PAUSE
        while not self._is_merged(lead, into):
            if time.monotonic() >= deadline or self.find_stop_reason():
                return False
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return True

    def _is_merged(self, lead: Party, into: Party) -> bool:
        customer = self.client.look_up(CUSTOMER, self.source or "", lead.external_ids[0]).entry
        return customer is not None and customer.uuid == into.uuid

    def _read_parties(self, source: str, other: str | None) -> tuple[list[Party], list[Party]]:
        """Read the customers of a data source, separated into those that are in the other one too, and the rest."""
        parties, merged = list[Party](), list[Party]()
        for customer in self.client.read_all(CUSTOMER, source):
            ids = customer.list_external_ids(source)
            # A customer in both sources was merged before. Its keys count, but it is not matched again.
            if other in (customer.data_source_uuids or ()):
                ids += customer.list_external_ids(other or "")
                merged.append(build_party(customer, ids, customer.uuid))
            else:
                self._dates[customer.uuid] = {name: getattr(customer, name) for name in DATES}
                parties.append(build_party(customer, ids, customer.uuid))
        return parties, merged

    def _build_row(self, match: Match, outcome: str) -> tuple[JsonValue, ...]:
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


def _is_mergeable(match: Match) -> bool:
    """Return whether two customers match, and both exist."""
    return match.outcome == "matched" and bool(match.party.uuid)


def _build_fields(match: Match) -> dict[str, tuple[JsonValue, JsonValue]]:
    """Return what a merge changes of a lead, for the journal."""
    return {"merged_into": (None, " ".join(one.uuid for one in match.into))} if match.into else {}


def _find_who(party: Party) -> Who:
    return Who(party.name, party.email, party.company)


def build_party(fields: CustomerFields, external_ids: Iterable[str], uuid: str = "") -> Party:
    """Return the facts for matching a customer of ChartMogul, or, without a uuid, one that is to be created."""
    return Party(
        uuid,
        tuple(external_ids),
        fields.name or "",
        fields.company or "",
        fields.email or "",
        fields.website_url or "",
    )
