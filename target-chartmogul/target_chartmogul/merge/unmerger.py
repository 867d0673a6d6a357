"""Taking apart what this target has merged, by the file that it keeps of its merges.

https://dev.chartmogul.com/reference/customers
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from target_chartmogul.merge.merge_log import REFUSED, UNMERGED, UNMERGING
from target_chartmogul.records.object_types import CUSTOMER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.merge.merge_log import Entry, MergeLog

_PAUSE, _LONGEST_PAUSE = 0.5, 10.0  # seconds between two looks at whether it is done
_PATIENCE = 300.0


class Merged(NamedTuple):
    """A merge that stands: what the file says, and the customer's uuid and name now."""

    entry: Entry
    uuid: str
    name: str


@dataclass
class Unmerger:
    """Finds this target's merges that stand, and takes them apart.

    Args:
        client: the connection.
        log: the file of merges.
    """

    client: ChartMogulClient
    log: MergeLog

    def find(self, external_ids: Collection[str]) -> Iterator[Merged]:
        """Yield the merges that stand: of leads with these external ids, or all if there are none."""
        for entry in sorted(self.log.last(), key=lambda one: one.merge.external_ids):
            is_chosen = not external_ids or not set(external_ids).isdisjoint(entry.merge.external_ids)
            if not is_chosen or entry.outcome in {REFUSED, UNMERGED}:
                continue
            if found := self._find_shared(entry, entry.merge.external_ids[0]):
                yield Merged(entry, found["uuid"], str(found.get("name") or ""))

    def take_apart(self, merged: Merged) -> bool:
        """Split the lead off its customer, and say whether that was done in time; it is not merged again."""
        merge = merged.entry.merge
        self.log.note(merge, UNMERGING)
        for external_id in merge.external_ids:
            if self._find_shared(merged.entry, external_id):
                self.client.unmerge(merged.uuid, merge.source, external_id)
        if not self._wait(merged.entry):
            return False
        self.log.note(merge, UNMERGED)
        return True

    def _find_shared(self, entry: Entry, external_id: str) -> dict[str, Any] | None:
        """Return a lead's customer while billing has a part in it."""
        found = self.client.by_external_id(CUSTOMER, entry.merge.source, external_id)
        return found if found and entry.merge.billing in (found.get("data_source_uuids") or ()) else None

    def _wait(self, entry: Entry) -> bool:
        deadline, pause = time.monotonic() + _PATIENCE, _PAUSE
        while any(self._find_shared(entry, one) for one in entry.merge.external_ids):
            if time.monotonic() >= deadline:
                return False
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return True
