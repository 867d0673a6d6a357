"""Whether the account keeps the external ids of contacts and filters by them: proved by the first contact of a source.

Neither is documented well enough to be trusted: where ids are dropped, every run would create everybody once more.
https://dev.chartmogul.com/reference/contacts
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import FatalAPIError

from target_chartmogul._kit.private_files import open_private
from target_chartmogul.records.object_types import CONTACT
from target_chartmogul.records.payloads import person_key
from target_chartmogul.reporting.files import CONTACT_IDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from target_chartmogul.api.client import ChartMogulClient

FILTERED, LISTED, DROPPED = "filtered", "listed", "dropped"
"""The account finds a contact by its external id; shows the id in its list only; or drops it."""

_LOOKS = 3  # times that is looked for what was just created
_PAUSE = 1.0  # seconds between them


class ContactIds:
    """What was proved, in the memory folder. `known` is that for this data source, None while nothing was.

    Args:
        folder: where the file is.
        source: the uuid of the data source.
    """

    def __init__(self, folder: Path, source: str | None) -> None:
        self._path, self._source = folder / CONTACT_IDS, source
        self.known = self._load()

    def _load(self) -> str | None:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return str(found["contact_ids"]) if found["source"] == self._source else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, proved: str) -> None:
        """Note what was proved."""
        self.known = proved
        with open_private(self._path) as file:
            json.dump({"source": self._source, "contact_ids": proved}, file)


def prove(client: ChartMogulClient, source: str, external_id: str, uuid: str) -> tuple[str, dict[str, Any] | None]:
    """Look for a contact that was just created; say how the account finds it, and give the older one that it repeats.

    Raises:
        FatalAPIError: the account neither keeps its external id nor shows whose contact it is: it is deleted again.
    """
    for look in range(_LOOKS):
        if look:
            time.sleep(_PAUSE)
        found = client.look_up(CONTACT, source, external_id)
        if found.entry:
            is_other = found.entry["uuid"] != uuid
            return (FILTERED if found.filtered else LISTED), found.entry if is_other else None
    entries = [one for page in client.listed(CONTACT, source) for one in page]
    created = next((one for one in entries if one.get("uuid") == uuid), None)
    if created and created.get("external_id") == external_id:
        return LISTED, None
    if created and created.get("customer_uuid"):
        return DROPPED, _find_repeated(entries, created)
    client.delete_contact(uuid)
    raise FatalAPIError(
        "ChartMogul does not show the contact that was just created, neither under its external id nor in its list, so "
        "that every run would create everybody again: it is deleted, and no further one was created. Ask ChartMogul "
        "whether the key in `api_key` may read contacts, or leave the stream `contacts` out."
    )


def _find_repeated(entries: list[dict[str, Any]], created: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the oldest other contact of the same customer, e-mail address and name; the list has the newest first."""
    key = person_key(created["customer_uuid"], created)
    same = [one for one in entries if person_key(one.get("customer_uuid"), one) == key]
    return same[-1] if same[-1]["uuid"] != created["uuid"] else None
