"""Undoes merges of this target with the help of its merge log.

https://dev.chartmogul.com/reference/customers
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from target_chartmogul._kit.journal import Who
from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.merge.merge_log import PENDING, REFUSED, UNMERGED, UNMERGING
from target_chartmogul.records.object_types import CUSTOMER, MERGES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from target_chartmogul._kit.journal import JournaledWrite, JournalWriter
    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.merge.merge_log import Entry, MergeLog
    from target_chartmogul.records.remote import RemoteCustomer

_PAUSE, _LONGEST_PAUSE = 0.5, 10.0  # seconds between two checks whether it is done
_PATIENCE = 300.0


class ActiveMerge(NamedTuple):
    """A merge that was not undone: its log entry, and the customer's present uuid and name."""

    entry: Entry
    uuid: str
    name: str


@dataclass
class Unmerger:
    """Finds the merges of this target, and undoes them.

    Args:
        client: the connection.
        log: the file of merges.
    """

    client: ChartMogulClient
    log: MergeLog

    def find_merges(self, external_ids: Collection[str]) -> Iterator[ActiveMerge]:
        """Yield the active merges of the leads with these external ids, or of all leads if there are none."""
        for entry in sorted(self.log.read_latest(), key=lambda one: one.merge.external_ids):
            is_chosen = not external_ids or not set(external_ids).isdisjoint(entry.merge.external_ids)
            if not is_chosen or entry.outcome in {REFUSED, UNMERGED}:
                continue
            if customer := self._fetch_shared(entry, entry.merge.external_ids[0]):
                yield ActiveMerge(entry, customer.uuid, customer.name or "")

    def unmerge(self, active: ActiveMerge, journal: JournalWriter) -> bool:
        """Split the lead off its customer. Return whether that was done in time. The lead is not merged again."""
        merge = active.entry.merge
        entry = journal.begin_write(MERGES, " ".join(merge.external_ids), "unmerge", Who(active.name, "", ""))
        fields = {"merged_into": (active.uuid, None)}
        entry.announce(active.uuid, fields)
        with settle_refusal(entry, active.uuid):
            is_done = self._unmerge(active)
        entry.settle(UNMERGED if is_done else PENDING, remote_id=active.uuid, fields=fields)
        return is_done

    def _unmerge(self, active: ActiveMerge) -> bool:
        merge = active.entry.merge
        self.log.append(merge, UNMERGING)
        for external_id in merge.external_ids:
            # A killed run may have undone the others already.
            if self._fetch_shared(active.entry, external_id):
                self.client.start_unmerge(active.uuid, merge.source, external_id)
        deadline, pause = time.monotonic() + _PATIENCE, _PAUSE
        while any(self._fetch_shared(active.entry, one) for one in merge.external_ids):
            if time.monotonic() >= deadline:
                return False
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self.log.append(merge, UNMERGED)
        return True

    def _fetch_shared(self, entry: Entry, external_id: str) -> RemoteCustomer | None:
        """Return the lead's customer if it is still merged with one of the billing system, else None."""
        customer = self.client.look_up(CUSTOMER, entry.merge.source, external_id).entry
        is_shared = customer and entry.merge.billing in (customer.data_source_uuids or ())
        return customer if is_shared else None


@contextmanager
def settle_refusal(entry: JournaledWrite, remote_id: str) -> Iterator[None]:
    """Note in the journal that ChartMogul refused a write: it was not done."""
    try:
        yield
    except RecordRefusedError as error:
        entry.settle("rejected", error.reason, remote_id=remote_id)
        raise
